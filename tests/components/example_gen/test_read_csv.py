import csv
import gzip
import io
import random

import pyarrow as pa
import pytest

from components.example_gen import read_csv
from components.example_gen.options import Options
from schemas.errors import DataError


def read(path, **options):
    """All batches of a file as (rows with their line, rejected rows)."""
    good, broken = [], []
    for batch in read_csv.batches(str(path), Options(data=(str(path),), **options)):
        good += [(line, *row.values()) for line, row in zip(batch.line.tolist(), batch.table.to_pylist(), strict=True)]
        broken += [(row["line"], row["reason"], row["text"]) for row in batch.broken.to_pylist()]
    return good, broken


@pytest.fixture
def write(tmp_path):
    def write_bytes(content, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write_bytes


def test_lines_are_right_after_blank_lines_quoted_breaks_and_skipped_rows(write):
    content = b'u,i,t\n1,2,3\n\n4,5\n"a\nb",5,6\r\n7,8,9,10\n\r\n,,\n8,"x ""q""",9\n'
    good, broken = read(write(content))
    assert good == [(2, "1", "2", "3"), (5, "a\nb", "5", "6"), (10, "8", 'x "q"', "9")]
    assert broken == [
        (4, "2 columns where the header has 3", "4,5"),
        (7, "4 columns where the header has 3", "7,8,9,10"),
    ]


@pytest.mark.parametrize("block", [64, 1000, 1 << 20])
def test_blocks_of_any_size_give_the_same_rows_and_lines(write, monkeypatch, block):
    """Against Python's own csv module, which reads a row at a time and knows each row's line."""
    rng = random.Random(3)
    rows = ["1,2,3", "", "4,5", "6,7,8,9", '"a\nb",é,3', '"a\r\nb\n",2,3', '"say ""hi""",2,3', "x,y,z"]
    text = "u,i,t\n" + "".join(rng.choice(rows) + rng.choice(["\n", "\r\n"]) for _ in range(300))
    monkeypatch.setattr(read_csv, "BLOCK", block)
    good, broken = read(write(text.encode()))
    reader, expected, expected_broken, start = csv.reader(io.StringIO(text, newline="")), [], [], 1
    for row in reader:
        if len(row) == 3 and start > 1:
            expected.append((start, *row))
        elif row and start > 1:
            expected_broken.append(start)
        start = reader.line_num + 1
    assert good == expected
    assert [line for line, _, _ in broken] == expected_broken


def test_first_columns_name_survives_a_byte_order_mark(write):
    path = write(b"\xef\xbb\xbfu,i,t\n1,2,3\n")
    assert read_csv.columns(str(path), Options(data=("x",))) == ["u", "i", "t"]
    assert read(path)[0] == [(2, "1", "2", "3")]


def test_row_of_wrong_width_and_undecodable_bytes_is_set_aside_alone(write):
    good, broken = read(write(b"u,i,t\n1,2,3\n\xe9\xff,5\n4,5,6\n"))
    assert [row[0] for row in good] == [2, 4]
    assert broken == [(3, "2 columns where the header has 3", r"\xe9\xff,5")]


def test_compressed_file_of_several_members_is_read_whole(write):
    assert len(read(write(gzip.compress(b"u,i,t\n1,2,3\n") + gzip.compress(b"4,5,6\n"), "log.csv.gz"))[0]) == 2


def test_cut_off_compressed_file_is_an_error_that_says_how_far_it_was_read(write):
    whole = gzip.compress(b"u,i,t\n" + b"".join(b"%d,%d,%d\n" % (i, i * 7, i * 13) for i in range(20_000)))
    with pytest.raises(DataError, match=r"log.csv.gz: the file can't be read past line [\d,]+") as error:
        read(write(whole[: len(whole) // 2], "log.csv.gz"))
    assert "Truncated" in error.value.why


@pytest.mark.parametrize("line", [b'"2,3,4\n', b'2,3,"4\n'])
def test_quote_that_never_closes_is_an_error_and_not_a_loss_of_all_rows_after_it(write, line):
    with pytest.raises(DataError, match=r"log.csv:3: a quote opens here and never closes"):
        read(write(b"u,i,t\n1,2,3\n" + line + b"5,6,7\n" * 50))


def test_row_that_a_quote_makes_of_several_lines_counts_as_often(write):
    _, broken = read(write(b'u,i,t\n"1,2,3\n4,5,6\n",8\n1,2,3\n'))
    assert [line for line, _, _ in broken] == [2, 3, 4]


def test_quotes_mean_nothing_where_the_options_say_so(write):
    assert read(write(b'u,i,t\n"1,2,3\n'), quote="")[0] == [(2, '"1', "2", "3")]


def test_file_without_header_takes_its_names_from_the_options(write):
    path = write(b"1\t2\t3\n4\t5\t6\n")
    good, _ = read(path, delimiter="\t", column_names=("user_id", "item_id", "timestamp"))
    assert good == [(1, "1", "2", "3"), (2, "4", "5", "6")]


def test_lone_carriage_returns_end_lines(write):
    assert [row[0] for row in read(write(b"u,i,t\r1,2,3\r4,5,6"))[0]] == [2, 3]


def test_rows_of_wrong_width_alone_are_all_set_aside(write, monkeypatch):
    monkeypatch.setattr(read_csv, "BLOCK", 100)
    good, broken = read(write(b"u,i,t\n" + b"1,2\n" * 500))
    assert not good
    assert [line for line, _, _ in broken] == list(range(2, 502))


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0", b"\0\1\2,\n", "u,i,t\n".encode("utf-16")])
def test_header_that_is_no_text_is_an_error(write, content):
    with pytest.raises(DataError, match="isn't text in UTF-8"):
        read_csv.columns(str(write(content)), Options(data=("x",)))


@pytest.mark.parametrize(
    ("content", "expected"), [(b"u,i\n", False), (b"u,i", False), (b"u,i\n\n,\n", False), (b"u,i\n1,2", True)]
)
def test_blank_lines_after_the_header_are_no_rows(write, content, expected):
    assert read_csv.has_rows(str(write(content)), Options(data=("x",))) is expected


def test_every_column_is_text(write):
    path = write(b"u,i,t\n007,1.50,1e3\n")
    batch = next(read_csv.batches(str(path), Options(data=("x",))))
    assert batch.table.schema.types == [pa.string()] * 3
    assert batch.table.to_pylist() == [{"u": "007", "i": "1.50", "t": "1e3"}]
