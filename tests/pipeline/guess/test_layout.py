"""The format of a file is found whatever wrote it, and what the reader can't take is refused with a way out."""

import gzip
import re

import polars as pl
import pytest

from pipeline.guess import layout
from schemas.errors import DataError

ROWS = [(f"u{n % 7}", f"{n % 11:05d}", n % 5 + 0.5, 1_700_000_000 + n) for n in range(60)]
NAMES = ("user_id", "item_id", "rating", "timestamp")


def text(delimiter=",", header=True, decimal="."):
    lines = [delimiter.join(NAMES)] if header else []
    return "\n".join([*lines, *(delimiter.join(str(v).replace(".", decimal) for v in row) for row in ROWS)]) + "\n"


@pytest.fixture
def read(tmp_path):
    def _read(data, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return layout.read(str(path))

    return _read


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [True, False])
def test_delimiter_and_header_are_found(read, delimiter, header):
    found, frame = read(text(delimiter, header))
    assert (found.delimiter, found.header, found.quote) == (delimiter, header, '"')
    assert frame.columns == (list(NAMES) if header else [f"column_{n}" for n in (1, 2, 3, 4)])
    assert frame.height == len(ROWS)
    assert frame.to_series(1)[0] == "00000"  # text: leading zeros stay


@pytest.mark.parametrize(("delimiter", "decimal"), [(";", ","), ("\t", ","), (";", ".")])
def test_decimal_comma_is_found(read, delimiter, decimal):
    assert read(text(delimiter, decimal=decimal))[0].decimal == decimal


def test_byte_order_mark_and_windows_line_ends_are_passed_over(read):
    found, frame = read(b"\xef\xbb\xbf" + text().replace("\n", "\r\n").encode())
    assert frame.columns == list(NAMES)
    assert frame["timestamp"][-1] == str(ROWS[-1][3])
    assert "byte order mark" in found.notes[0]


def test_gzip_in_several_members_is_read_on(read):
    data = text().encode()
    _, frame = read(gzip.compress(data[:500]) + gzip.compress(data[500:]), "log.csv.gz")
    assert frame.height == len(ROWS)


def test_quoted_delimiters_and_line_breaks_stay_inside_their_value(read):
    found, frame = read("user,item,time\n" + "".join(f'u{n},"a, ""b""\nc",{n}\n' for n in range(50)))
    assert (found.delimiter, found.quote, frame.height) == (",", '"', 50)
    assert frame["item"][0] == 'a, "b"\nc'


def test_a_sign_for_inches_is_no_quote(read):
    found, frame = read("user\titem\ttime\n" + "".join(f'u{n}\t"12 vinyl {n}\t{n}\n' for n in range(51)))
    assert (found.quote, frame.height) == ("", 51)


def test_bytes_that_are_no_utf8_are_told_of(read):
    found, _ = read(text().replace("u1", "é1").encode("latin-1"))
    assert "aren't UTF-8" in found.notes[0]


def test_text_of_words_alone_has_a_header_where_its_first_line_never_comes_again(read):
    rows = "".join(f"anna{n % 3},tea,2026-11-0{n % 9 + 1}\n" for n in range(30))
    assert read("who,what,day\n" + rows)[0].header
    assert not read("anna0,tea,2026-11-01\n" + rows)[0].header


def test_parquet_keeps_its_types(tmp_path):
    frame = pl.DataFrame({"user": ["a"], "at": pl.Series([0]).cast(pl.Datetime("us"))})
    frame.write_parquet(tmp_path / "x.parquet")
    found, head = layout.read(str(tmp_path / "x.parquet"))
    assert found.parquet
    assert head.schema["at"] == pl.Datetime("us")


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("wide.csv", text().encode("utf-16"), "iconv -f UTF-16"),
        ("ml.dat", "1::2::3::4\n5::6::7::8\n", "sed 's/::/"),
        ("empty.csv", "", "no row"),
        ("cut.csv.gz", gzip.compress(text().encode())[:-20], "complete"),
        ("not.csv.gz", "plain", "complete"),
        ("not.parquet", "plain", "complete"),
        ("hidden.csv", b"PAR1....", ".parquet"),
        ("zip.csv", gzip.compress(b"a,b\n", mtime=0), ".csv.gz"),
        ("binary.csv", "a\0,b\n1,2\n", "isn't text"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(read, name, data, says):
    with pytest.raises(DataError, match=re.escape(says)):
        read(data, name)


def test_a_quote_that_never_closes_does_not_hide_the_rest(read):
    found, frame = read('user,item,time\n"u0,i,1\n' + "".join(f"u{n},i{n % 7},{n}\n" for n in range(20_000)))
    assert (found.delimiter, frame.width) == (",", 3)
