"""How one digit is written: thicker, thinner, deformed."""

import tensorflow as tf

ELASTIC_GRID = 4  # random displacements per side, spread over the digit


def change_stroke(digits, stroke) -> tf.Tensor:
    """Thickens (`stroke` to +1) or thins (to -1) by up to one pixel.

    Args:
        digits: uint8 `[n, height, width]`.
        stroke: float32 `[n]` in [-1, 1]; the share of the way from the digit to
            its dilation or erosion by the four neighbours.

    Returns:
        uint8 of that shape.
    """
    padded = tf.pad(digits, [[0, 0], [1, 1], [1, 1]])
    up, down = padded[:, :-2, 1:-1], padded[:, 2:, 1:-1]
    left, right = padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]

    def of_neighbours(op):
        return op(digits, op(op(up, down), op(left, right)))

    share = stroke[:, tf.newaxis, tf.newaxis]
    goal = tf.where(share > 0, of_neighbours(tf.maximum), of_neighbours(tf.minimum))
    digits, goal = tf.cast(digits, tf.float32), tf.cast(goal, tf.float32)
    blend = digits + tf.abs(share) * (goal - digits)
    return tf.cast(tf.round(blend), tf.uint8)


def random_displacements(amplitude, seed) -> tf.Tensor:
    """Draws how far each digit's ink moves at the points of a coarse grid.

    Args:
        amplitude: float32 `[n]`, the largest displacement in pixels.
        seed: int `[2]`.

    Returns:
        float32 `[n, 2, grid, grid]`: across and down, by x, by y.
    """
    shape = [tf.shape(amplitude)[0], 2, ELASTIC_GRID, ELASTIC_GRID]
    displacements = tf.random.stateless_uniform(shape, seed, -1.0, 1.0)
    return displacements * amplitude[:, tf.newaxis, tf.newaxis, tf.newaxis]


def spread_displacements(displacements, x, y) -> tuple[tf.Tensor, tf.Tensor]:
    """Interpolates displacements along x, for `displacement_field` to finish along y.

    Args:
        displacements: see `random_displacements`.
        x: float32 `[n, columns]`, from -0.5 to 0.5 across the box.
        y: float32 `[n, rows]`, likewise from the top to the bottom.

    Returns:
        Displacements per column, float32 `[n, 2, grid, columns]`, and the weight of
        each grid row in each pixel row, float32 `[n, grid, rows]`.
    """
    # Not a matrix product, which is slower for such small matrices.
    weights_x = _grid_weights(x)[:, tf.newaxis, :, tf.newaxis]
    across = tf.add_n(
        [
            weights_x[:, :, point] * displacements[:, :, point, :, tf.newaxis]
            for point in range(ELASTIC_GRID)
        ]
    )
    return across, _grid_weights(y)


def displacement_field(across, weights_y) -> tf.Tensor:
    """Displacements spread smoothly over each digit's box (elastic distortion).

    After Simard, Steinkraus and Platt, "Best practices for convolutional neural
    networks applied to visual document analysis" (2003), with a coarse random
    grid in place of a blurred field.

    Args: see what `spread_displacements` returns.

    Returns:
        float32 `[n, 2, rows, columns]`, how far across and how far down.
    """
    # Not a matrix product: this sum becomes part of the loop that needs it.
    weights_y = weights_y[:, tf.newaxis, :, :, tf.newaxis]
    return tf.add_n(
        [
            across[:, :, point, tf.newaxis] * weights_y[:, :, point]
            for point in range(ELASTIC_GRID)
        ]
    )


def _grid_weights(place) -> tf.Tensor:
    """Weight of each grid point at each position, `[n, grid, places]`.

    Smooth steps between neighbouring points, which add up to 1.
    """
    points = tf.range(ELASTIC_GRID, dtype=tf.float32)[:, tf.newaxis]
    distance = (place[:, tf.newaxis] + 0.5) * (ELASTIC_GRID - 1) - points
    distance = tf.minimum(1.0, tf.abs(distance))
    return 1 - distance**2 * (3 - 2 * distance)
