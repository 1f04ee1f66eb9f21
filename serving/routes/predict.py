"""TensorFlow Serving's REST API: status, metadata and :predict. Its own errors have one field, `error`."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import tensorflow as tf
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from schemas import features as f
from serving import context, errors, tensors

if TYPE_CHECKING:
    from serving.model import Loaded

router = APIRouter(prefix="/v1/models", tags=["TensorFlow Serving"])

_DEFAULT: Final = "serving_default"
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": "instances (rows) or inputs (columns), by the signature's input names",
                    "properties": {
                        "signature_name": {"type": "string", "default": _DEFAULT},
                        "instances": {"type": "array", "minItems": 1, "items": {}},
                        "inputs": {},
                    },
                }
            }
        },
    }
}


@router.get("/{name}", summary="Which version is served", responses=errors.responses(404, 503))
async def status(request: Request, name: str) -> JSONResponse:
    """The one version that answers."""
    model = _model(request, name)
    return JSONResponse(
        {
            "model_version_status": [
                {
                    "version": str(model.number),
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ]
        }
    )


@router.get("/{name}/versions/{version}", summary="Whether a version is served", responses=errors.responses(404, 503))
async def version_status(request: Request, name: str, version: str) -> JSONResponse:
    """404 for any version but the one that answers."""
    _model(request, name, version)
    return await status(request, name)


@router.get("/{name}/metadata", summary="The signatures", responses=errors.responses(404, 503))
async def metadata(request: Request, name: str) -> JSONResponse:
    """Inputs and outputs of each signature, with types and shapes."""
    return _metadata(name, _model(request, name))


@router.get(
    "/{name}/versions/{version}/metadata", summary="The signatures of a version", responses=errors.responses(404, 503)
)
async def version_metadata(request: Request, name: str, version: str) -> JSONResponse:
    """404 for any version but the one that answers."""
    return _metadata(name, _model(request, name, version))


@router.post(
    "/{name}:predict", summary="Call a signature", responses=errors.responses(400, 404, 503), openapi_extra=_BODY
)
async def predict(request: Request, name: str) -> Response:
    """What TensorFlow Serving answers; of numbers it writes NaN and -Infinity, too."""
    return await _predict(request, _model(request, name))


@router.post(
    "/{name}/versions/{version}:predict",
    summary="Call a signature of a version",
    responses=errors.responses(400, 404, 503),
    openapi_extra=_BODY,
)
async def version_predict(request: Request, name: str, version: str) -> Response:
    """404 for any version but the one that answers."""
    return await _predict(request, _model(request, name, version))


def _model(request: Request, name: str, version: str | None = None) -> Loaded:
    here = context.of(request)
    if name != here.name:
        raise HTTPException(404, f"There is no model {name!r}; the one here is {here.name!r}.")
    model = context.current(here)
    if version is not None and version != str(model.number):
        raise HTTPException(404, f"Version {version!r} isn't served; {model.number} is.")
    return model


async def _predict(request: Request, model: Loaded) -> Response:
    here = context.of(request)
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body is no JSON, or nested too deeply.") from error
    signature = body.get("signature_name", _DEFAULT) if isinstance(body, dict) else _DEFAULT
    if not isinstance(signature, str) or signature not in model.signatures:
        known = ", ".join(sorted(model.signatures))
        raise HTTPException(400, f"The model has no such signature; it has {known}.")
    inputs, _ = model.signatures[signature]
    try:
        given, by_row = tensors.inputs_of(body, inputs, here.options.limits.rows)
        _bounded(given, here.options.limits.history)
        run = asyncio.get_running_loop().run_in_executor
        found = await run(here.pool, model.call, signature, given)
    except tensors.InputError as error:
        raise HTTPException(400, str(error)) from error
    except tf.errors.OpError as error:
        raise HTTPException(400, f"The model can't take this: {(error.message or '').splitlines()[:1]}") from error
    return Response(json.dumps(tensors.outputs_of(found, by_row=by_row)), media_type="application/json")


def _bounded(given: dict[str, tf.Tensor], most: int) -> None:
    """Raises: InputError: a row is longer than a history may be, or events and times don't stand side by side."""
    if f.HISTORY in given and given[f.HISTORY].shape != given[f.TIMESTAMPS].shape:
        raise tensors.InputError(f"{f.HISTORY} and {f.TIMESTAMPS}: one of them is longer than the other.")
    for name, tensor in given.items():
        if tensor.shape.rank > 1 and tensor.dtype != tf.float32 and tensor.shape[1] > most:
            raise tensors.InputError(f"{name}: a row has {tensor.shape[1]} entries, and {most} are the limit.")


def _metadata(name: str, model: Loaded) -> JSONResponse:
    signatures = {
        key: {
            "inputs": {each: _info(spec) for each, spec in inputs.items()},
            "outputs": {each: _info(spec) for each, spec in outputs.items()},
            "method_name": "tensorflow/serving/predict",
        }
        for key, (inputs, outputs) in model.signatures.items()
    }
    return JSONResponse(
        {
            "model_spec": {"name": name, "signature_name": "", "version": str(model.number)},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }
    )


def _info(spec: tf.TensorSpec) -> dict[str, Any]:
    dims = [{"size": str(-1 if size is None else size), "name": ""} for size in spec.shape.as_list()]
    return {
        "dtype": f"DT_{spec.dtype.name.upper()}".replace("DT_FLOAT32", "DT_FLOAT"),
        "tensor_shape": {"dim": dims, "unknown_rank": False},
        "name": spec.name or "",
    }
