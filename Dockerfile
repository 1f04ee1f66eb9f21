# The image of every step on Kubeflow, of Beam's workers and of training on several machines. `make image` builds it;
# docs/kubeflow.md, "The image", says what was run of it.

# glibc 2.41: ml-metadata and data-validation of the newer stack need 2.39 (scripts/stack.py).
FROM python:3.13.12-slim-trixie AS base
# Neither a home folder nor one of those that Kubeflow mounts empty: /gcs /s3 /minio /.local /.cache /.config
WORKDIR /opt/seqrank

FROM base AS environment
# 1: with CUDA's libraries (requirements-gpu.lock)
ARG GPU=0
# An arbitrary user can't write bytecode beside the code, and without it each step would compile what it imports.
ENV UV_COMPILE_BYTECODE=1
COPY scripts/setup_env.py scripts/stack.py scripts/
COPY pyproject.toml setup.py README.md LICENSE requirements.lock requirements-gpu.lock requirements-uv.lock ./
# The secrets are for who installs through a mirror: they leave nothing in the image.
RUN --mount=type=cache,target=/root/.cache \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    python3 scripts/setup_env.py --gpu="$GPU"

FROM environment AS code
COPY pipeline pipeline
COPY components components
COPY inspection inspection
COPY serving serving
COPY ranker ranker
COPY schemas schemas
RUN .venv/bin/python -m compileall -q pipeline components inspection serving ranker schemas && \
    chmod -R a+rX pipeline components inspection serving ranker schemas

FROM base AS steps
COPY --from=environment /opt/seqrank/.venv .venv
COPY --from=code /opt/seqrank/pipeline pipeline
COPY --from=code /opt/seqrank/components components
COPY --from=code /opt/seqrank/inspection inspection
COPY --from=code /opt/seqrank/serving serving
COPY --from=code /opt/seqrank/ranker ranker
COPY --from=code /opt/seqrank/schemas schemas
# What `seqrank` sets for itself, for processes that others start; HOME and names for users that /etc/passwd lacks.
ENV PATH=/opt/seqrank/.venv/bin:$PATH \
    TF_USE_LEGACY_KERAS=1 \
    TF_CPP_MIN_LOG_LEVEL=2 \
    TF_ENABLE_ONEDNN_OPTS=0 \
    HOME=/tmp \
    USER=seqrank \
    LOGNAME=seqrank
# The checkout's commit, for a run's summary: there is no .git here.
ARG COMMIT=
ENV SEQRANK_COMMIT=$COMMIT
# Any user will do, in root's group as on OpenShift; Beam's boot program fails for one that has no name.
RUN useradd --uid 10001 --gid 0 --home-dir /tmp --no-create-home seqrank
USER 10001:0
CMD ["seqrank", "--help"]

# For engines that start workers from an image (DOCKER, Dataflow): the same, with Beam's boot program, which wants pip.
FROM steps AS beam-worker
USER 0:0
COPY --from=apache/beam_python3.13_sdk:2.77.0 /opt/apache/beam /opt/apache/beam
RUN python -m ensurepip
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
# That program writes where it stands.
WORKDIR /tmp
USER 10001:0
ENTRYPOINT ["/opt/apache/beam/boot"]

FROM steps AS seqrank
