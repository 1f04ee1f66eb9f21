"""Which knobs a log's figures call for, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components.data_gate.options import Options as DataGateOptions
from components.sequence_gen.options import Options as SequenceGenOptions
from pipeline.guess.document import Knob
from pipeline.guess.figures import DAY, SHORT
from ranker.training_options import TrainingOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.guess.figures import Figures

_WINDOWS: Final = (10, 20, 50)  # the shortest that holds nine histories of ten
_LONG: Final = (100, 100)  # median history from which on a longer window is worth its time, and that window
_MARGIN: Final = 0.5  # of what the gate lets pass: labels repeat more often than events do, later in a history
_TURNOVER: Final = 0.1  # share of the last tenth on items that are new in it, from which on tomorrow must be tested
_STRANGERS: Final = 0.5  # likewise of its users
_HIDDEN: Final = 0.5  # share of ids that are hidden in training where new items matter
_SESSIONS: Final = 5.0  # sessions of a user from which on pauses are worth an embedding
_MINUTES: Final = 30.0  # that end a session where there is no user and pauses show none
# Windows of training up to which so many rows a step and passes over them suffice; beyond the last: _LARGE.
_SIZES: Final = ((5_000, 32, 20), (20_000, 64, 20), (100_000, 128, 10), (400_000, 256, 5))
_LARGE: Final = (512, 3)
_DAYS: Final = (0.25, 0.5, 1, 2, 3, 5, 7, 14, 30, 60, 90)  # validation and test last one of these


def sequences(figures: Figures, *, has_user: bool) -> Iterator[Knob]:
    """Knobs of SequenceGen that differ from its defaults."""
    sessions = not has_user
    if sessions:
        minutes = figures.session or _MINUTES
        why = "minutes: a longer pause ends a session, and each session is a sequence of its own"
        yield Knob(("sequence_gen", "session_gap"), minutes, why)
    window = window_of(figures.median, figures.most)
    if window != SequenceGenOptions().window:
        what = "sessions" if sessions else "histories"
        yield Knob(
            ("sequence_gen", "window"),
            window,
            f"half of the {what} have {figures.median:.0f} events, nine of ten {figures.most:.0f}",
        )
    if figures.repeats > DataGateOptions().max_unreachable * _MARGIN:
        why = f"{figures.repeats:.0%} of the events repeat an item of their past: such labels must be reachable"
        yield Knob(("sequence_gen", "mask_seen"), False, why)
    if moves(figures, has_user=has_user):
        yield from _split(figures)


def moves(figures: Figures, *, has_user: bool) -> bool:
    """Whether tomorrow differs so much from yesterday that a split by time is called for; sessions are new anyhow."""
    return figures.turnover >= _TURNOVER or (has_user and figures.strangers >= _STRANGERS)


def window_of(median: float, most: float) -> int:
    """Events that the model sees, from how many half and nine tenths of the histories have."""
    if median >= _LONG[0]:
        return _LONG[1]
    return next((window for window in _WINDOWS if window >= most), _WINDOWS[-1])


def _split(figures: Figures) -> Iterator[Knob]:
    days = min(_DAYS, key=lambda nice: abs(nice - figures.recent_days))
    days = max((nice for nice in _DAYS if nice <= min(days, figures.days / 5)), default=round(figures.days / 10, 4))
    split = {"name": "global_time", "valid_days": days, "test_days": days}
    if figures.turnover >= _TURNOVER:
        cause = f"{figures.turnover:.0%} of the last tenth's events are on items first seen in it"
        why = f"{cause}: so validation and test are the last days, for everybody alike"
    else:
        split["labels_per_user"] = "all"  # a stranger's first event has no history; later ones do
        cause = f"{figures.strangers:.0%} of the last tenth's users were first seen in it"
        why = f"{cause}: so validation and test are all events of the last days"
    yield Knob(("sequence_gen", "split"), split, why)


def training(figures: Figures, *, has_user: bool) -> Iterator[Knob]:
    """Knobs of the Trainer that differ from its defaults."""
    windows = windows_of(figures)
    _, batch_size, epochs = next((size for size in _SIZES if windows <= size[0]), (0, *_LARGE))
    default = TrainingOptions()
    why = f"about {windows:,} windows of training"
    if epochs != default.epochs:
        yield Knob(("trainer", "epochs"), epochs, f"{why}: a pass over them does a lot")
    if batch_size != default.batch_size:
        yield Knob(("trainer", "batch_size"), batch_size, why)
    if has_user and figures.session and figures.sessions >= _SESSIONS:
        why = f"pauses of {figures.session:g} minutes end sessions: the time since the last event says where one stands"
        yield Knob(("trainer", "model", "gap_embedding"), True, why)


def cold_items(figures: Figures) -> Iterator[Knob]:
    """Knobs of a model that knows what its items are about, where many of them are new."""
    if figures.turnover >= _TURNOVER:
        why = "this share of ids is hidden in each step, so that new items are found by what they are about"
        yield Knob(("trainer", "model", "id_dropout"), _HIDDEN, why)


def windows_of(figures: Figures) -> int:
    """About how many windows the training split has."""
    window = window_of(figures.median, figures.most)
    step = window - SequenceGenOptions().overlap_in(window)
    return round(figures.users + max(0.0, figures.events - figures.users * min(window, figures.mean)) / step)


def unsure(figures: Figures, *, has_user: bool, has_order: bool) -> Iterator[str]:
    """What the figures leave open, with what to set where the guess is wrong."""
    if not has_user:
        yield (
            "No column names a user, so each file is taken for one stream and its pauses for the ends of sessions. "
            "If a column is the user: --set example_gen.columns.user=COLUMN"
        )
        if figures.session is None:
            yield f"The pauses show no sessions; {_MINUTES:g} minutes end one: sequence_gen.session_gap"
    if figures.ties > 0.2 and not has_order:
        yield (
            f"{figures.ties:.0%} of the events are at the same time as the user's event before, and their order is "
            "left to a hash. If a column knows it: example_gen.columns.order"
        )
    if figures.short > 0.5 and has_user and not moves(figures, has_user=has_user):
        yield (
            f"{figures.short:.0%} of the users have fewer than {SHORT} events and give no label to validation and "
            "test. A split by time tests them, too: sequence_gen.split"
        )
    if figures.first < 20 * 365 * DAY:
        yield "The first time lies before 1990. If the unit is wrong: example_gen.time_format"
    if moves(figures, has_user=has_user) and figures.days < 2:
        yield "The log spans less than two days, so validation and test are short: sequence_gen.split"
