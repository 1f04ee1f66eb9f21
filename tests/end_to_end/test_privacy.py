"""With pseudonyms on, a user's id is in no file, log or row of metadata that a run leaves; what can be is encrypted."""

import asyncio
import gzip
import io
import json
import os
import pathlib
import subprocess
import sys
import uuid

import numpy as np
import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY, OTHER_KEY = "a key that nobody shall find anywhere", "another key that nobody shall find"
USERS, ITEMS, EVENTS = 60, 20, 12
KNOBS = ["trainer.epochs=1", "trainer.model.architecture.units=8", "trainer.model.embedding_dim=8",
         "evaluator.min_lift=0", "batch_recommender={k: 3}", "model_check=null",
         "example_gen.pseudonyms={key_env: OUR_KEY}", "users.pseudonyms={key_env: OUR_KEY}",
         "example_gen.encryption={key_env: OUR_OTHER_KEY}", "users.encryption={key_env: OUR_OTHER_KEY}",
         "pusher.encryption={key_env: OUR_OTHER_KEY}", "users.columns={categories: [group]}",
         "data_gate.max_rejected=0.5"]  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A folder with a run's output root, the users' ids, and what was printed; rows fail for each reason there is."""
    folder = tmp_path_factory.mktemp("privacy")
    random = np.random.default_rng(5)
    users = [str(uuid.UUID(bytes=random.bytes(16), version=4)) for _ in range(USERS)]
    lines = [f"{user},i{(n + step) % ITEMS},{step * 1000}" for n, user in enumerate(users) for step in range(EVENTS)]
    bad = [f"{users[0]},i1,never", f"{users[1]},,5", f"{users[2]},i1,5,6,7", f'{users[3]},"i\n1",5', f"{users[4]}"]
    (folder / "log.csv").write_text("user_id,item_id,timestamp\n" + "\n".join([*lines, *bad]) + "\n")
    groups = [f"{user},{'ab'[n % 2]}" for n, user in enumerate(users)] + [f"{users[0]},a"]
    (folder / "users.csv").write_text("user_id,group\n" + "\n".join(groups) + "\n")
    return folder, users, run(folder, "run", "--data", str(folder / "log.csv"))


def run(folder, *words):
    """What a command of ours printed; it must end well."""
    knobs = [*KNOBS, f"users.data=[{folder}/users.csv]", f'example_gen.data=["{folder}/log.csv"]']
    command = [sys.executable, "-m", "pipeline.cli", *words, "--output", str(folder / "runs")]
    command += [word for knob in knobs for word in ("--set", knob)]
    keys = {"OUR_KEY": KEY, "OUR_OTHER_KEY": OTHER_KEY}
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **keys}, timeout=500)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def contents(path):
    """A file's bytes, decrypted, and what a reader of its format would show."""
    raw = path.read_bytes()
    yield raw
    if raw.startswith(b"SEQRANK-ENCRYPTED"):
        raw = decrypted(path)
        yield raw
    if raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw)
    if raw[:4] == b"PAR1":
        yield str(pq.read_table(io.BytesIO(raw)).to_pydict()).encode()


def decrypted(path):
    """With the key that we know, wherever it was."""
    from schemas.encryption import decrypt

    target = io.BytesIO()
    with path.open("rb") as source, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OUR_OTHER_KEY", OTHER_KEY)
        decrypt(source, target, str(path))
    return target.getvalue()


def test_published_models_and_rejected_rows_are_encrypted(ran):
    folder, _, _ = ran
    root = folder / "runs"
    (version,) = root.glob("serving/movielens/[0-9]*")
    stages = [root / "artifacts" / f"{name}ExampleGen" / "rejected" for name in ("Interaction", "User")]
    for place, plain in ((version, {"manifest.json"}), *((stage, {"counts.json"}) for stage in stages)):
        files = [path for path in place.rglob("*") if path.is_file()]
        assert len(files) > 2
        clear = {path.name for path in files if not path.read_bytes().startswith(b"SEQRANK-ENCRYPTED")}
        assert clear == plain
    (report,) = root.glob("20*/report.html")
    assert "The rows themselves are encrypted" in report.read_text()
    assert "could not be made" not in report.read_text()
    manifest = json.loads((version / "manifest.json").read_text())
    assert len(manifest["encryption"]) == 12


def test_no_file_that_a_run_leaves_shows_a_user_or_the_key(ran):
    folder, users, printed = ran
    root = folder / "runs"
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 40
    needles = [*(user.encode() for user in users), KEY.encode(), OTHER_KEY.encode()]
    found = {(str(path), needle) for path in files for text in contents(path) for needle in needles if needle in text}
    assert found == set()
    assert not [needle for needle in needles if needle.decode() in printed]


def test_rejected_rows_say_where_and_why_all_the_same(ran):
    folder, _, _ = ran
    (table,) = (
        pq.read_table(io.BytesIO(decrypted(path)))
        for path in folder.glob("runs/artifacts/InteractionExampleGen/rejected/*/rows-*.parquet")
    )
    rows = table.to_pylist()
    assert len(rows) == 5
    assert all(row["reason"] and row["line"] for row in rows)
    assert {row["text"] for row in rows if "not" in row["reason"]} == {"[redacted],i1,never"}


def test_users_are_the_same_in_their_table_and_in_the_log(ran):
    from schemas.pseudonyms import Pseudonyms

    folder, users, _ = ran
    expected = {Pseudonyms(KEY.encode()).of(user) for user in users}
    for stage in ("InteractionExampleGen", "UserExampleGen"):
        tables = [pq.read_table(path) for path in folder.glob(f"runs/artifacts/{stage}/examples/*/Split-all/*.parquet")]
        assert {row[0] for table in tables for row in table["user_id"].to_pylist()} == expected


def keep_an_event(folder, user):
    """As `seqrank serve` would: in the store that it would open."""
    from schemas.pseudonyms import Pseudonyms
    from serving.events.options import Options
    from serving.events.records import Codec, Record
    from serving.events.stores import open_store

    async def write():
        store = open_store(Options(store=f"sqlite:///{folder}/runs/events.sqlite"))
        key = Codec().key(Pseudonyms(KEY.encode()).of(user))
        await store.put(key, Codec().encode(key, Record(("i1",), (1,))), 0)
        all_keys = store.keys()
        found = [key async for key in all_keys]
        await store.close()
        return found

    return asyncio.run(write())


def test_the_gap_between_groups_of_users_is_measured(ran):
    folder, _, _ = ran
    (evaluation,) = folder.glob("runs/artifacts/Evaluator/evaluation/*")
    groups = json.loads((evaluation / "user_groups.json").read_text())
    assert {value: of["examples"] for value, of in groups["test"]["group"].items()} == {"a": USERS / 2, "b": USERS / 2}
    overall = json.loads((evaluation / "metrics.json").read_text())["test"]["candidate"]["overall"]
    of_groups = [of["ndcg@10"] for of in groups["test"]["group"].values()]
    assert overall["ndcg_gap_user_group@10"]["value"] == pytest.approx(max(of_groups) - min(of_groups))


def test_a_forgotten_user_is_in_nothing_that_is_left_after_the_next_run(ran):  # the last: it changes the runs
    from schemas.pseudonyms import Pseudonyms

    folder, users, _ = ran
    gone, stays = (Pseudonyms(KEY.encode()).of(user) for user in users[:2])
    assert gone in keep_an_event(folder, users[0])
    first = {path.name for path in folder.glob("runs/serving/movielens/[0-9]*")}
    printed = run(folder, "forget", users[0])
    assert "1 of 1 added" in printed
    assert "1 dropped" in printed
    assert f"serving/movielens/{min(first)}" in printed
    assert "artifacts are retired" in printed
    assert "0 of 1 added" in run(folder, "forget", users[0])
    assert keep_an_event(folder, users[1]) == [stays]
    run(folder, "run")
    assert "that derives from forgotten users" in run(folder, "gc", "--yes")
    lists = [pq.read_table(path) for path in folder.glob("runs/artifacts/BatchRecommender/recommendations/*/*.parquet")]
    assert sum(table.num_rows for table in lists) == USERS - 1
    left = {path.name for path in folder.glob("runs/serving/movielens/[0-9]*")}
    assert len(left) == 1
    assert left.isdisjoint(first)
    files = [path for path in (folder / "runs").rglob("*") if path.is_file() and not path.is_symlink()]
    where = {path.name for path in files for text in contents(path) if gone.encode() in text}
    assert where == {"forgotten.txt"}
    assert any(stays.encode() in text for path in files for text in contents(path))
    assert "No data" in run(folder, "forget", users[0])
