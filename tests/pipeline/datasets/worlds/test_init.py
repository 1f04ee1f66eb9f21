"""What every world keeps: the same bytes for one seed, as many rows as asked, an order worth learning."""

import gzip

import polars as pl
import pytest

from pipeline.datasets import worlds

SMALL = worlds.Size(rows=6_000, users=120, items=240)
COLUMNS = {
    "shop": {
        "interactions.csv.gz": ["visitor", "sku", "event", "at"],
        "items.csv": ["sku", "title", "category", "price"],
        "users.csv": ["visitor", "group"],
    },
    "news": {
        "interactions.csv.gz": ["user", "article", "timestamp"],
        "items.csv": ["article", "title", "topic", "published"],
    },
    "music": {"interactions.csv.gz": ["user", "track", "played_at"]},
    "sessions": {f"terminal-{n}.csv": ["item", "time"] for n in range(1, 121)},
}


@pytest.fixture(scope="module", params=worlds.names())
def name(request):
    return request.param


@pytest.fixture(scope="module")
def world(name):
    return worlds.make(name, SMALL, 1)


def test_every_file_of_the_folder_is_a_world():
    assert worlds.names() == tuple(sorted(COLUMNS))


def test_files_have_the_documented_columns(name, world):
    assert {file: frame.columns for file, frame in world.files.items()} == COLUMNS[name]


def test_logs_have_exactly_the_rows_asked_for(world):
    log = [frame.height for file, frame in world.files.items() if file not in {"items.csv", "users.csv"}]
    assert sum(log) == SMALL.rows


def test_one_seed_gives_the_same_bytes_and_another_one_others(name, world, tmp_path):
    def written(folder, made):
        worlds.write(made, tmp_path / folder)
        return {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}

    first = written("a", world)
    assert written("b", worlds.make(name, SMALL, 1)) == first
    assert written("c", worlds.make(name, SMALL, 2)) != first


def test_written_files_read_back_as_they_were_made(world, tmp_path):
    worlds.write(world, tmp_path)
    for file, frame in world.files.items():
        text = (tmp_path / file).read_bytes()
        text = gzip.decompress(text) if file.endswith(".gz") else text
        assert pl.read_csv(text, separator=world.delimiter, schema=frame.schema).equals(frame)


def test_what_can_be_reached_lies_far_above_the_most_popular_items(world):
    assert world.popular(10) < 0.6 * world.ceiling(10)
    assert [world.ceiling(k) for k in (1, 5, 10, 20)] == sorted(world.ceiling(k) for k in (1, 5, 10, 20))


def test_labels_are_rows_of_the_log_each_user_once(name, world):
    assert world.labels.height > 30
    if name != "sessions":
        assert world.labels["user"].is_unique().all()


def test_usual_size_is_what_is_made_where_nothing_is_asked_for(name):
    usual = worlds.size(name)
    made = worlds.make(name, usual)
    assert sum(f.height for file, f in made.files.items() if file not in {"items.csv", "users.csv"}) == usual.rows


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("shops", SMALL, "no world 'shops'; known: music, news, sessions, shop"),
        ("shop", worlds.Size(rows=0, users=1, items=1), "at least 1"),
        ("shop", worlds.Size(rows=10, users=3, items=100), "need 15 rows"),
        ("music", worlds.Size(rows=10, users=3, items=100), "need 36 rows"),
        ("news", worlds.Size(rows=100, users=3, items=100), "need more than 100 articles"),
        ("sessions", worlds.Size(rows=3, users=4, items=100), "4 terminals need a row each"),
        ("sessions", worlds.Size(rows=60_000, users=1, items=100), "more than 540 days: ask for more users"),
    ],
)
def test_what_no_world_has_room_for_is_refused(name, size, message):
    with pytest.raises(ValueError, match=message):
        worlds.make(name, size)
