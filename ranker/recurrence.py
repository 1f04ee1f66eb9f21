"""An LSTM over whole histories for training on a CPU: Keras' cell and weights, another order of the same arithmetic.

Keras takes three small products of matrices a position backwards and two forwards. What doesn't wait for the position
before it is one large product here: inputs times their kernel, and the gradients of both kernels and of the inputs.
(That is how cuDNN does it: Appleyard, Kocisky, Blunsom, Optimizing Performance of Recurrent Neural Networks on GPUs,
2016.) On one core 32 rows of 50 positions took 28 ms forwards and back where Keras' layer took 48, 128 units either
way; 32 rows of 200, 512 units: 1.4 s and 2.6 s (benchmarks.recurrence).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable


def takes(layer: tf.keras.layers.Layer, inputs: tf.Tensor) -> bool:
    """Whether `outputs` can stand in for a layer: a built LSTM in single precision, where Keras would use no GPU."""
    here = isinstance(layer, tf.keras.layers.LSTM) and layer.built and inputs.dtype == tf.float32
    # Keras' flag is off where a training is compiled by XLA (ranker.training), which has its own way with loops.
    return here and layer._could_use_gpu_kernel and not _gpus()


def _gpus() -> list[object]:
    return tf.config.list_physical_devices("GPU")


def outputs(cell: tf.keras.layers.LSTMCell, inputs: tf.Tensor) -> tf.Tensor:
    """What the layer of that cell puts out: [B, T, D] -> [B, T, U], float32, T at least 1.

    The gates are sigmoids but one, tanh(z) = 2 sigmoid(2 z) - 1, so all four are one operation on what a product left.
    """
    rows, length, units = tf.shape(inputs)[0], tf.shape(inputs)[1], cell.units
    kernel, recurrent, bias = (_reordered(part) for part in (cell.kernel, cell.recurrent_kernel, cell.bias))
    flat = tf.reshape(tf.transpose(inputs, [1, 0, 2]), [-1, inputs.shape[2]])
    given = tf.reshape(tf.nn.bias_add(tf.matmul(flat, kernel), bias), [length, rows, 4 * units])
    return tf.transpose(_recurrence(given, recurrent), [1, 0, 2])


def _reordered(weights: tf.Tensor) -> tf.Tensor:
    """Keras' gates are input, forget, new, output; here the new one is last, and doubled."""
    into, forget, new, out = tf.split(tf.convert_to_tensor(weights), 4, axis=-1)
    return tf.concat([into, forget, out, 2.0 * new], axis=-1)


@tf.custom_gradient
def _recurrence(given: tf.Tensor, recurrent: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """What inputs give to the gates, [T, B, 4 U], and the recurrent kernel, [U, 4 U] -> outputs, [T, B, U]."""
    length, rows, units = tf.shape(given)[0], tf.shape(given)[1], recurrent.shape[0]
    nothing = tf.zeros([rows, units])
    coming = _array(length, 4 * units).unstack(given)

    def body(t: tf.Tensor, output: tf.Tensor, memory: tf.Tensor, *past: tf.TensorArray) -> tuple:
        gates = tf.sigmoid(coming.read(t) + tf.matmul(output, recurrent))
        into, forget, out, new = tf.split(gates, 4, axis=1)
        memory = forget * memory + into * (2.0 * new - 1.0)
        output = out * tf.tanh(memory)
        now = (output, memory, gates)
        return t + 1, output, memory, *(array.write(t, value) for array, value in zip(past, now, strict=True))

    arrays = (_array(length, units), _array(length, units), _array(length, 4 * units))
    _, _, _, *past = tf.while_loop(lambda t, *_: t < length, body, (tf.constant(0), nothing, nothing, *arrays))
    stacked = past[0].stack()

    def backward(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        of_given = _gradient(upstream, recurrent, past[1], past[2])
        before = tf.concat([nothing[tf.newaxis], stacked[:-1]], axis=0)
        flat = tf.reshape(before, [-1, units]), tf.reshape(of_given, [-1, 4 * units])
        return of_given, tf.matmul(*flat, transpose_a=True)

    return stacked, backward


def _gradient(upstream: tf.Tensor, recurrent: tf.Tensor, memories: tf.TensorArray, gates: tf.TensorArray) -> tf.Tensor:
    """By what stood before the sigmoids, last position first: [T, B, 4 U], of `upstream` [T, B, U]."""
    length, rows, units = tf.shape(upstream)[0], tf.shape(upstream)[1], recurrent.shape[0]
    nothing, back, coming = tf.zeros([rows, units]), tf.transpose(recurrent), _array(length, units).unstack(upstream)

    def body(n: tf.Tensor, of_output: tf.Tensor, of_memory: tf.Tensor, found: tf.TensorArray) -> tuple:
        t = length - 1 - n
        into, forget, out, new = tf.split(gates.read(t), 4, axis=1)
        before = memories.read(tf.maximum(t - 1, 0)) * tf.cast(t > 0, tf.float32)
        shown = tf.tanh(memories.read(t))
        of_output += coming.read(t)
        of_memory += of_output * out * (1.0 - shown * shown)
        of_new = of_memory * into
        slopes = tf.concat(
            [
                of_new * ((2.0 * new - 1.0) * (1.0 - into)),
                of_memory * before * (forget * (1.0 - forget)),
                of_output * shown * (out * (1.0 - out)),
                of_new * (2.0 * new * (1.0 - new)),
            ],
            axis=1,
        )
        return n + 1, tf.matmul(slopes, back), of_memory * forget, found.write(t, slopes)

    begin = (tf.constant(0), nothing, nothing, _array(length, 4 * units))
    return tf.while_loop(lambda n, *_: n < length, body, begin)[3].stack()


def _array(length: tf.Tensor, width: int) -> tf.TensorArray:
    return tf.TensorArray(tf.float32, length, element_shape=[None, width], clear_after_read=False)
