"""The course of a training of RecBole's: its curve, an end when its time is over, and a state to go on from.

Runs in RecBole's environment and imports nothing of ours. RecBole keeps only the best epoch, and what goes on from that
repeats the epochs after it, in the order that the first epochs had.
"""

from __future__ import annotations

import json
import os
import pathlib
import time
from collections.abc import Callable

import torch


class OutOfTimeError(Exception):
    """The time that a training was given is over."""


class Course:
    """Called by RecBole after each epoch's validation.

    Args:
        trainer: RecBole's.
        generator: what RecBole's loader of training rows shuffles with.
        most: seconds of training, those of earlier calls among them, after which it ends.
        folder: where the best epoch and the last state are kept; a state there is gone on with.
        judge: what the best epoch has most of; None: RecBole's own validation score, which masks nothing.
    Attributes:
        curve: (seconds, RecBole's own validation score) of each epoch.
        processor: seconds of processor time until the last epoch.
    """

    def __init__(
        self,
        trainer,
        generator: torch.Generator,
        most: float,
        folder: pathlib.Path,
        judge: Callable[[], float] | None = None,
    ) -> None:
        self._trainer, self._generator, self._most, self._folder = trainer, generator, most, folder
        self._judge, self._judged = judge, 0.0
        self.curve: list[tuple[float, float]] = []
        self.processor = 0.0
        folder.mkdir(parents=True, exist_ok=True)
        self._last, self._random = folder / "last.pth", folder / "random.pth"
        self._story = folder / "course.json"
        if self._story.exists():
            self._go_on()
        trainer.saved_model_file = str(folder / "best.pth")
        before = self.curve[-1][0] if self.curve else 0.0
        self._began, self._worked = time.perf_counter() - before, time.process_time() - self.processor

    def best(self) -> dict[str, torch.Tensor]:
        """Weights of the best epoch."""
        judged = self._folder / "judged.pth"
        if self._judge is not None and judged.exists():
            return torch.load(judged)
        return torch.load(self._trainer.saved_model_file)["state_dict"]

    def __call__(self, epoch: int, score: float) -> None:
        self._compare()
        self.curve.append((time.perf_counter() - self._began, float(score)))
        self.processor = time.process_time() - self._worked
        print(f"epoch {epoch + 1}: {self.curve[-1][0]:.0f} s, RecBole's own validation score {score:.4f}", flush=True)
        self._keep(epoch)
        if self.over():
            raise OutOfTimeError

    def over(self) -> bool:
        """Whether the time is."""
        return bool(self.curve) and self.curve[-1][0] > self._most

    def _compare(self) -> None:
        if self._judge is None:
            return
        found = self._judge()
        if found > self._judged:
            self._judged = found
            torch.save(self._trainer.model.state_dict(), self._folder / "new")
            os.replace(self._folder / "new", self._folder / "judged.pth")

    def _keep(self, epoch: int) -> None:
        """Each file whole or not at all, the one that says there is a state last."""
        new = self._folder / "new"
        self._trainer._save_checkpoint(epoch, verbose=False, saved_model_file=str(new))
        os.replace(new, self._last)
        torch.save((torch.get_rng_state(), self._generator.get_state()), new)
        os.replace(new, self._random)
        story = {"curve": self.curve, "processor": self.processor, "judged": self._judged}
        new.write_text(json.dumps(story), encoding="utf-8")
        os.replace(new, self._story)

    def _go_on(self) -> None:
        self._trainer.resume_checkpoint(str(self._last))
        everything, shuffles = torch.load(self._random)
        torch.set_rng_state(everything)
        self._generator.set_state(shuffles)
        story = json.loads(self._story.read_text(encoding="utf-8"))
        self.curve, self.processor = [tuple(point) for point in story["curve"]], story["processor"]
        self._judged = story["judged"]
