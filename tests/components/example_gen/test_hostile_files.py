"""Files that are honest but not made for us, and logs that lack something."""

import datetime
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.example_gen import files, inputs, read_csv
from components.example_gen.check import check
from components.example_gen.options import Options
from schemas.errors import DataError

HEADER = b"user_id,item_id,timestamp\n"
MOMENT = 1_700_000_000_000  # of reading, in milliseconds


@pytest.fixture
def read(tmp_path):
    """Writes files and reads them: usable rows as tuples without their tie, rejected rows as (file, line, reason)."""

    def read_files(contents, **options):
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
        options = Options(data=tuple(str(tmp_path / name) for name in contents), **options)
        files.validate(inputs.find(options), options)
        used, aside = [], []
        for name in options.data:
            for batch in files.batches(name, options):
                usable, rejected = check(batch, name, options, MOMENT)
                used += [tuple(value[0] for value in row.values()) for row in usable.drop(["tie"]).to_pylist()]
                aside += [(row["file"].rsplit("/", 1)[1], row["line"], row["reason"]) for row in rejected.to_pylist()]
        return used, aside

    return read_files


# --- How text is written ----------------------------------------------------------------------------------------------


def test_byte_order_mark_quotes_and_crlf_of_a_spreadsheet_are_understood(read):
    content = b'\xef\xbb\xbf"user_id","item_id","timestamp"\r\n"u","a, ""b""","5"\r\n"u","c","6"\r\n'
    assert read({"a.csv": content}) == ([("u", 'a, "b"', 5000), ("u", "c", 6000)], [])


def test_byte_order_mark_before_the_first_row_is_no_part_of_the_id(read):
    names = ("user_id", "item_id", "timestamp")
    assert read({"a.csv": b"\xef\xbb\xbfu,i,5\n"}, column_names=names) == ([("u", "i", 5000)], [])


def test_column_name_of_two_lines_moves_the_lines_of_all_rows(read):
    used, aside = read({"a.csv": b'user_id,item_id,"time of\nevent",timestamp\nu,i,9,5\nu,,9,6\n'})
    assert used == [("u", "i", 5000)]
    assert aside == [("a.csv", 4, "item_id is missing")]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_line_breaks_inside_quotes_belong_to_the_value(read, line_end):
    rows = [b"user_id,item_id,timestamp,note", b'u,i,5,"one\ntwo\r\nthree"', b",j,6,"]
    used, aside = read({"a.csv": line_end.join(rows)}, columns={"context": ("note",)})
    assert used == [("u", "i", 5000, "one\ntwo\r\nthree")]
    assert aside == [("a.csv", 5, "user_id is missing")]


def test_line_break_in_a_value_survives_a_block_that_ends_inside_it(read, monkeypatch):
    rows = [b'u,i,%d,"%s\r\nx"' % (number, b"n" * number) for number in range(40)]
    content = b"\n".join([b"user_id,item_id,timestamp,note", *rows])
    for block in range(70, 100):
        monkeypatch.setattr(read_csv, "BLOCK", block)
        used, _ = read({"a.csv": content}, columns={"context": ("note",)})
        assert [row[3] for row in used] == ["n" * number + "\r\nx" for number in range(40)]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_commas_are_read_in_ratings_weights_and_seconds(read, delimiter):
    lines = ["user_id,item_id,timestamp,r,w", "u,i,5D25,4D5,0D5", "u,j,5,4,1", "u,k,5,1.234,1", "u,l,5,1D2D3,1"]
    content = "\n".join(lines).replace(",", delimiter).replace("D", ",").encode()
    columns = {"rating": "r", "weight": "w"}
    used, aside = read({"a.csv": content}, columns=columns, delimiter=delimiter, decimal=",")
    assert used == [("u", "i", 5250, 4.5, 0.5), ("u", "j", 5000, 4.0, 1.0)]
    assert aside == [("a.csv", 4, "r is not a number"), ("a.csv", 5, "r is not a number")]


def test_members_of_a_compressed_file_may_end_within_a_row(read):
    members = [HEADER + b"u,i,5\nu,", b"j,6\nu", b"", b",k,7\n"]
    used, _ = read({"a.csv.gz": b"".join(map(gzip.compress, members))})
    assert used == [("u", "i", 5000), ("u", "j", 6000), ("u", "k", 7000)]


def test_zero_byte_sets_its_row_aside_and_no_other(read):
    used, aside = read({"a.csv": HEADER + b"u,i,5\nu,\x00,6\nu,a\x00,7\nu,j,8\n"})
    assert used == [("u", "i", 5000), ("u", "j", 8000)]
    assert aside == [("a.csv", line, "item_id isn't text in UTF-8") for line in (3, 4)]


def test_columns_may_stand_in_another_order_in_each_file(read):
    contents = {"a.csv": HEADER + b"u,i,5\n", "b.csv": b"timestamp,x,item_id,user_id\n6,?,j,v\n"}
    assert read(contents)[0] == [("u", "i", 5000), ("v", "j", 6000)]


def test_blank_line_in_place_of_a_header_is_an_error_that_says_so(read):
    with pytest.raises(DataError, match="the first line is blank"):
        read({"a.csv": b"\n" + HEADER + b"u,i,5\n"})


# --- Ids --------------------------------------------------------------------------------------------------------------

IDS = ["007", "0", "1e5", "1.0", "nan", "null", " a ", "a,b", 'a"b', "'", "🎵", "é", "e\u0301", "\u2028", "x" * 10_000]


@pytest.mark.parametrize("form", ["csv", "string", "large_string", "binary", "dictionary"])
def test_ids_come_back_as_they_were_written(read, tmp_path, form):
    if form == "csv":
        rows = ['"{}",i,{}'.format(id_.replace('"', '""'), number) for number, id_ in enumerate(IDS)]
        used, aside = read({"a.csv": HEADER + "\n".join(rows).encode()})
    else:
        ids = pa.array(IDS).dictionary_encode() if form == "dictionary" else pa.array(IDS).cast(getattr(pa, form)())
        table = pa.table({"user_id": ids, "item_id": ["i"] * len(IDS), "timestamp": range(len(IDS))})
        pq.write_table(table, tmp_path / "source")
        used, aside = read({"a.parquet": (tmp_path / "source").read_bytes()})
    assert [row[0] for row in used] == IDS
    assert aside == []


def test_ids_with_a_line_break_are_set_aside(read):  # a vocabulary is a text file of one id a line
    used, aside = read({"a.csv": HEADER + b'u,"a\nb",5\n"v\r",j,6\nu,j,7\n'})
    assert used == [("u", "j", 7000)]
    assert aside == [("a.csv", 2, "item_id has a line break"), ("a.csv", 4, "user_id has a line break")]


# --- Times ------------------------------------------------------------------------------------------------------------


def test_each_row_may_have_a_zone_of_its_own(read):
    times = ["2023-01-01T12:00:00Z", "2023-01-01T13:00:00+01:00", "2023-01-01 06:30:00.000-0530", "2023-01-01 12:00"]
    used, _ = read({"a.csv": HEADER + "".join(f"u,i,{t}\n" for t in times).encode()}, time_format="iso8601")
    noon = datetime.datetime(2023, 1, 1, 12, tzinfo=datetime.timezone.utc)
    assert [row[2] for row in used] == [int(noon.timestamp()) * 1000] * 4


def test_times_may_be_out_of_order_or_all_equal(read):
    assert [row[2] for row in read({"a.csv": HEADER + b"u,i,7\nu,i,5\nu,i,6\nu,j,6\n"})[0]] == [7000, 5000, 6000, 6000]


def test_times_from_the_future_are_set_aside(read):
    day = 86_400
    rows = f"u,i,{MOMENT // 1000 + day}\nu,i,{MOMENT // 1000 + day + 1}\n"
    used, aside = read({"a.csv": HEADER + rows.encode()})
    assert len(used) == 1
    assert aside == [("a.csv", 3, "timestamp is more than a day in the future")]


@pytest.mark.parametrize("latest", ["1970-01-01T00:00:06", "1970-01-01T01:00:06+01:00"])
def test_times_past_the_configured_latest_are_set_aside(read, latest):
    used, aside = read({"a.csv": HEADER + b"u,i,6\nu,i,6.001\n"}, latest=latest)
    assert used == [("u", "i", 6000)]
    assert aside == [("a.csv", 3, "timestamp is later than example_gen.latest")]


# --- Logs of another shape --------------------------------------------------------------------------------------------


def test_words_of_events_become_weights_and_other_words_are_set_aside(read):
    content = b"user_id,item_id,timestamp,event\nu,i,5,view\nu,i,6,buy\nu,i,7,Buy\nu,i,8,\nu,i,9,2\n"
    columns = {"event": "event", "context": ("event",)}
    used, aside = read({"a.csv": content}, columns=columns, event_weights={"view": 0, "buy": 2.5, 2: 1})
    assert used == [("u", "i", 5000, 0.0, "view"), ("u", "i", 6000, 2.5, "buy"), ("u", "i", 9000, 1.0, "2")]
    assert [reason for _, _, reason in aside] == ["event is not in example_gen.event_weights", "event is missing"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int8(), pa.string())])
def test_words_of_events_may_have_any_type_of_text_in_parquet(read, tmp_path, kind):
    table = pa.table({"user_id": ["u"] * 3, "item_id": ["i"] * 3, "timestamp": [5, 6, 7], "event": ["a", "b", None]})
    events = table["event"].dictionary_encode() if pa.types.is_dictionary(kind) else table["event"].cast(kind)
    pq.write_table(table.set_column(3, "event", events), tmp_path / "source")
    contents = {"a.parquet": (tmp_path / "source").read_bytes()}
    used, aside = read(contents, columns={"event": "event"}, event_weights={"a": 1, "b": 2})
    assert [row[3] for row in used] == [1.0, 2.0]
    assert aside == [("a.parquet", 3, "event is missing")]


def test_file_without_the_event_column_is_an_error(read):
    with pytest.raises(DataError, match="no column 'event'"):
        read({"a.csv": HEADER + b"u,i,5\n"}, columns={"event": "event"}, event_weights={"a": 1})


def test_each_file_of_a_log_without_users_is_a_stream_of_its_own(read, tmp_path):
    content = b"item_id,timestamp\ni,5\n"
    pq.write_table(pa.table({"item_id": ["i"], "timestamp": [5]}), tmp_path / "source")
    contents = {"till 1.csv": content, "till.2.csv.gz": gzip.compress(content), "t": content}
    contents["till-3.parquet"] = (tmp_path / "source").read_bytes()
    used, _ = read(contents, columns={"user": None})
    assert used == [(name, "i", 5000) for name in ("till 1", "till.2", "t", "till-3")]


def test_file_whose_name_can_be_no_user_is_an_error(read):
    with pytest.raises(DataError, match="the file's name can't be a user's"):
        read({"till\n1.csv": b"item_id,timestamp\ni,5\n"}, columns={"user": None})


def test_column_that_is_there_twice_is_an_error_only_where_it_is_read(read):
    assert read({"a.csv": b"user_id,item_id,timestamp,x,x\nu,i,5,6,7\n"})[0] == [("u", "i", 5000)]
    with pytest.raises(DataError, match="column 'item_id' is there 2 times"):
        read({"a.csv": b"user_id,item_id,item_id,timestamp\nu,i,j,5\n"})


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_file_broken_off_says_up_to_which_line_it_was_read(read, keep):
    rows = b"".join(b"%d,%d,%d\n" % (n, n * 7 % 1013, n * 13) for n in range(20_000))
    whole = gzip.compress(HEADER + rows)
    with pytest.raises(DataError, match=r"a\.csv\.gz: the file can't be read past line [\d,]+") as error:
        read({"a.csv.gz": whole[: int(len(whole) * keep)]})
    line = int(error.value.what.split()[-1].strip(".").replace(",", ""))
    assert 0.9 * keep * 20_000 - 1000 < line < 20_001


def test_file_cut_off_at_any_byte_is_an_error(read):
    whole = gzip.compress(HEADER + b"".join(b"%d,%d,%d\n" % (n, n * 7 % 13, n) for n in range(30)))
    for size in range(1, len(whole)):
        with pytest.raises(DataError, match=r"a\.csv\.gz: the file can't be (opened|read past line)"):
            read({"a.csv.gz": whole[:size]})
