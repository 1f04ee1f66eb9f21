"""Kubeflow's API, through its own client: upload, start, repeat, list, and look at a run.

Every method raises ClusterError where the API can't be reached or refuses.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import io
import json
import logging
import os
import time
import warnings
from typing import TYPE_CHECKING, Any, Final

from pipeline.runners.kubeflow import connection, refusals
from schemas.errors import ClusterError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator, Mapping

    from pipeline.runners.kubeflow.connection import Access

_PAGE: Final = 100  # the server's own limit is 200
_EQUALS: Final = 1  # of the API's filters
_NEWEST_FIRST: Final = "created_at desc"


@dataclasses.dataclass(frozen=True)
class Run:
    """One run, as the API tells it. took: seconds; None as long as it goes on."""

    id: str
    name: str
    state: str
    created: datetime.datetime | None
    took: float | None
    address: str


@dataclasses.dataclass(frozen=True)
class Version:
    """A version of an uploaded pipeline. new: whether this upload made it."""

    pipeline_id: str
    id: str
    new: bool


class Cluster:
    """One Kubeflow Pipelines.

    Args:
        access: how to reach it.
    Raises: ClusterError: nobody answers there, or who asks isn't let in.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        with self._asking("Kubeflow Pipelines can't be used."):
            self._client = connection.connect(access)

    def upload(self, package: pathlib.Path, name: str, version: str) -> Version:
        """Uploads a package as a new pipeline, or as a version of the one of that name.

        Args:
            package: file, .yaml.
            name: the pipeline's.
            version: name of the version, the same for the same content: one that is there already is taken.
        """
        with self._asking(f"The package can't be uploaded as '{name}'."):
            known = self._pipeline_id(name)
            if known is None:
                try:
                    made = self._client.upload_pipeline(str(package), pipeline_name=name, **self._private())
                    first = self._client.list_pipeline_versions(made.pipeline_id, page_size=1, sort_by=_NEWEST_FIRST)
                    return Version(made.pipeline_id, first.pipeline_versions[0].pipeline_version_id, new=True)
                except Exception as error:
                    known = self._pipeline_id(name) if refusals.status(error) == refusals.EXISTS else None
                    if known is None:
                        raise
            return self._new_version(package, known, version)

    def _new_version(self, package: pathlib.Path, pipeline: str, version: str) -> Version:
        same = self._client.list_pipeline_versions(pipeline, page_size=_PAGE, filter=_named(version)).pipeline_versions
        if same:
            return Version(pipeline, same[0].pipeline_version_id, new=False)
        made = self._client.upload_pipeline_version(str(package), version, pipeline_id=pipeline)
        return Version(pipeline, made.pipeline_version_id, new=True)

    def _pipeline_id(self, name: str) -> str | None:
        # The client's own get_pipeline_id doesn't know namespaces.
        found = self._client.list_pipelines(page_size=_PAGE, filter=_named(name), **self._private()).pipelines or []
        return str(found[0].pipeline_id) if found else None

    def _private(self) -> dict[str, str]:
        return {"namespace": self.access.namespace} if self.access.namespace else {}

    def start(
        self,
        version: Version,
        *,
        experiment: str,
        name: str,
        parameters: Mapping[str, Any],
        pipeline_root: str | None,
        service_account: str | None = None,
    ) -> Run:
        """Creates a run of an uploaded version, in an experiment that is made if there is none of that name.

        Args:
            parameters: values in place of the package's defaults.
            pipeline_root: where artifacts go; None: what the cluster has set, since a server reads it from no package.
            service_account: Kubernetes' account of the steps; None: the cluster's default.
        """
        with self._asking("The run can't be started."):
            found = self._client.create_experiment(experiment, namespace=self.access.namespace)
            made = self._client.run_pipeline(
                found.experiment_id,
                name,
                params=dict(parameters),
                pipeline_id=version.pipeline_id,
                version_id=version.id,
                pipeline_root=pipeline_root,
                service_account=service_account,
            )
            return self.described(made)

    def repeat(
        self,
        version: Version,
        *,
        experiment: str,
        name: str,
        cron: str,
        parameters: Mapping[str, Any],
        pipeline_root: str | None,
        service_account: str | None = None,
    ) -> tuple[str, list[str]]:
        """Creates a recurring run: one at a time, and of missed ones only the last. It replaces those of its name.

        Args:
            cron: six fields, seconds first. The others as for `start`.
        Returns: its id, and the ids of those that were switched off for it.
        """
        with self._asking("The recurring run can't be created."):
            found = self._client.create_experiment(experiment, namespace=self.access.namespace)
            before = self._client.list_recurring_runs(
                page_size=_PAGE, experiment_id=found.experiment_id, filter=_named(name)
            )
            made = self._client.create_recurring_run(
                found.experiment_id,
                name,
                cron_expression=cron,
                max_concurrency=1,
                no_catchup=True,
                params=dict(parameters),
                pipeline_id=version.pipeline_id,
                version_id=version.id,
                pipeline_root=pipeline_root,
                service_account=service_account,
            )
            old = [each.recurring_run_id for each in before.recurring_runs or [] if str(each.status) == "ENABLED"]
            for each in old:
                self._client.disable_recurring_run(each)
        return str(made.recurring_run_id), old

    def run(self, run: str, *, patience: float = 0.0, pause: float = 5.0) -> Any:
        """One run with its tasks, as kfp-server-api's V2beta1Run.

        Args:
            patience: seconds to ask again where the server is away or fails; a refusal ends it at once.
        """
        until = time.monotonic() + patience
        while True:
            try:
                with self._asking("The run can't be looked at; it may go on.", where=self.run_address(run)):
                    return self._client.get_run(run)
            except ClusterError as error:
                if time.monotonic() >= until or not refusals.may_pass(error.__cause__):
                    raise
            time.sleep(pause)

    def runs(self, limit: int) -> list[Run]:
        """The newest runs first."""
        found: list[Any] = []
        token = ""
        with self._asking("The runs can't be listed."):
            while len(found) < limit:
                page = self._client.list_runs(
                    page_token=token,
                    page_size=min(limit - len(found), _PAGE),
                    sort_by=_NEWEST_FIRST,
                    namespace=self.access.namespace,
                )
                found += page.runs or []
                token = page.next_page_token
                if not token:
                    break
            return [self.described(each) for each in found[:limit]]

    def text(self, path: str, most: int, **query: str) -> str | None:
        """The last `most` bytes of what the server hands out as plain text at a path; None where it doesn't."""
        with contextlib.suppress(*refusals.kinds()):
            answer = connection.get(self._client, path, query)
            kept = b""
            for part in answer.stream(65536):
                kept = (kept + part)[-most:]
            # The page of Kubeflow answers with itself where it knows no path.
            return None if "html" in answer.headers.get("content-type", "") else kept.decode("utf-8", "replace")
        return None

    def described(self, found: Any) -> Run:
        """What we say of a V2beta1Run."""
        created, finished = found.created_at, found.finished_at
        took = (finished - created).total_seconds() if created and finished and finished > created else None
        state = str(found.state or "PENDING")
        return Run(found.run_id, found.display_name, state, created, took, self.run_address(found.run_id))

    def run_address(self, run: str) -> str:
        """Page of a run."""
        return f"{self._page()}/#/runs/details/{run}"

    def repeat_address(self, recurring_run: str) -> str:
        """Page of a recurring run."""
        return f"{self._page()}/#/recurringrun/details/{recurring_run}"

    def _page(self) -> str:
        return (os.environ.get("KF_PIPELINES_UI_ENDPOINT") or self.access.endpoint).rstrip("/")

    @contextlib.contextmanager
    def _asking(self, what: str, where: str | None = None) -> Iterator[None]:
        """Words what goes wrong, and keeps the client's own links and warnings back."""
        retries = logging.getLogger("urllib3.connectionpool")
        level = retries.level
        retries.setLevel(logging.ERROR)
        try:
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                yield
        except refusals.kinds() as error:
            secrets = (self.access.token, self.access.cookie)
            raise refusals.worded(what, where or self.access.endpoint, error, secrets) from error
        finally:
            retries.setLevel(level)


def _named(name: str) -> str:
    return json.dumps({"predicates": [{"operation": _EQUALS, "key": "display_name", "stringValue": name}]})
