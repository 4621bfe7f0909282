"""Trees of arrays in `.npz` files, written as a whole or not at all."""

import io
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from mnist_sum_tf.atomic_files import write_atomically
from mnist_sum_tf.data.digits import NPZ_READ_ERRORS
from mnist_sum_tf.user_errors import UserError, kind_and_line


def write_arrays(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes an `.npz`."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_atomically(path, content.getvalue())


def write_tree(path: pathlib.Path, tree) -> None:
    """Writes a tree's arrays under the names of their places in it."""
    write_arrays(path, {name: np.asarray(leaf) for name, leaf in _named(tree)})


def read_tree(path: pathlib.Path, like):
    """The tree that was written, of the same structure as `like`.

    Raises:
        UserError: if the file has other arrays.
    """
    try:
        with np.load(path) as archive:
            leaves = [archive[name] for name, _ in _named(like)]
    except (KeyError, *NPZ_READ_ERRORS) as error:
        raise UserError(
            f"{path} must be what a run of these settings wrote; delete it, and that "
            f"part begins anew. Received: {kind_and_line(error)}"
        ) from error
    for leaf, (name, wanted) in zip(leaves, _named(like)):
        if (leaf.dtype, leaf.shape) != (wanted.dtype, wanted.shape):
            raise UserError(
                f"{path}: {name} must be {wanted.dtype} of shape {wanted.shape}. "
                f"Received: {leaf.dtype} of shape {leaf.shape}"
            )
    return jax.tree.unflatten(jax.tree.structure(like), map(jnp.asarray, leaves))


def _named(tree) -> list:
    return [
        (jax.tree_util.keystr(path), leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]
