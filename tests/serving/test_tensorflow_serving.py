"""The exported model by TensorFlow Serving's published messages, and by the ops that its stock binary has."""

import pytest


@pytest.fixture(scope="module")
def graph(exports):
    from tensorflow.core.protobuf import saved_model_pb2

    parsed = saved_model_pb2.SavedModel()
    parsed.ParseFromString((exports["first"] / "saved_model.pb").read_bytes())
    (meta,) = parsed.meta_graphs
    return meta


def test_it_is_tagged_as_a_server_asks_for_it(graph):
    assert list(graph.meta_info_def.tags) == ["serve"]


def test_every_signature_is_one_for_predict_with_types_that_requests_can_carry(graph):
    from tensorflow.core.framework import types_pb2

    carried = {types_pb2.DT_STRING, types_pb2.DT_INT64, types_pb2.DT_FLOAT}
    ours = {name: each for name, each in graph.signature_def.items() if not name.startswith("__")}
    assert {"serving_default", "recommend", "step", "rank", "score", "evaluate"} <= set(ours)
    for name, signature in ours.items():
        assert signature.method_name == "tensorflow/serving/predict", name
        for tensor in (*signature.inputs.values(), *signature.outputs.values()):
            assert tensor.dtype in carried, name
            assert not tensor.tensor_shape.unknown_rank, name
        assert all(tensor.tensor_shape.dim[0].size == -1 for tensor in signature.inputs.values()), name  # batches


def test_a_predict_request_carries_what_the_signature_takes(graph, rankers):
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "shop", "recommend"
    given = {"history": [["i1", "i2"]], "timestamps": [[0, 0]], "user_id": [""], "exclude": [[""]]}
    for name, value in given.items():
        kind = tf.as_dtype(graph.signature_def["recommend"].inputs[name].dtype)
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value, kind))
    received = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    tensors = {name: tf.constant(tf.make_ndarray(proto)) for name, proto in received.inputs.items()}
    found = rankers["first"].call("recommend", tensors)
    answer = predict_pb2.PredictResponse()
    for name, value in found.items():
        answer.outputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
    ids = tf.make_ndarray(predict_pb2.PredictResponse.FromString(answer.SerializeToString()).outputs["item_ids"])
    assert [each.decode() for each in ids[0]] == rankers["first"].recommend([["i1", "i2"]]).item_ids[0].tolist()


def test_no_op_is_from_outside_tensorflow_itself(graph):
    from tensorflow.python.framework import op_def_registry

    nodes = [*graph.graph_def.node, *(node for each in graph.graph_def.library.function for node in each.node_def)]
    own = {each.signature.name for each in graph.graph_def.library.function}
    ops = {node.op for node in nodes} - own
    assert not [name for name in ops if op_def_registry.get(name) is None]
    assert not {name for name in ops if "PyFunc" in name or "Scann" in name or "Sentencepiece" in name}
