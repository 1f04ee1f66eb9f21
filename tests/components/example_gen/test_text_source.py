import io

import pyarrow as pa
import pytest

from components.example_gen.text_source import MARK, TextSource, as_text


def read_in_steps(content, step):
    source, parts = TextSource(io.BytesIO(content)), []
    while part := source.read(step):
        parts.append(part)
    return source, b"".join(parts), parts


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("content", "lines", "unfinished"),
    [(b"a\nb\n", 2, False), (b"a\r\nb", 1, True), (b"\r\r\n\n", 3, False), (b"", 0, False)],
)
def test_line_ends_are_counted_wherever_the_reads_cut(content, lines, unfinished, step):
    source, read, _ = read_in_steps(content, step)
    assert read == content
    assert (source.lines, source.unfinished) == (lines, unfinished)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 1000])
def test_undecodable_bytes_are_marked_and_the_rest_is_kept(step):
    _, read, _ = read_in_steps("é,".encode() + b"\xe9\xff," + "日本".encode() + b"\xe6", step)
    assert read.decode() == f"é,{MARK}e9{MARK}ff,日本{MARK}e6"


def test_reads_are_short_only_at_the_end_though_characters_straddle_them():
    parts = read_in_steps("é".encode() * 500, 7)[2]
    assert {len(part) for part in parts[:-1]} == {7}


def test_binary_column_is_decoded_and_single_bad_rows_are_marked():
    column = pa.array([b"a", b"\xff", None, "é".encode()] * 50, pa.binary())
    assert as_text(column).to_pylist() == ["a", f"{MARK}ff", None, "é"] * 50
