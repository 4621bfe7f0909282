"""The training state, and one training step."""

import keras
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.models.normalization import statistics_of
from mnist_sum_tf.training import checkpoints, optimizers


class TrainingState:
    """Everything that the rest of a run depends on.

    Attributes:
        model: the model that learns.
        variables: those of its variables that learn.
        optimizer: its iterations are the number of steps taken.
        average: a model with the running average of the weights; the statistics
            of its normalising layers are `batch_statistics`' to set.
        loss_metric: the mean of the loss since the last logged row.
        skipped: number of steps skipped because loss or gradient was not
            finite.
        last_skipped: the last one of them.
    """

    def __init__(self, task, settings: config.Config, strategy, dtype: str):
        with strategy.scope():
            self.model = task.build_model(dtype)
            self.variables = task.learning_variables(self.model)
            self.optimizer = optimizers.create_optimizer(settings)
            self.optimizer.build(self.variables)
        # Cloned, not rebuilt: loading the initial model may take seconds.
        self.average = keras.models.clone_model(self.model)
        self.average.set_weights(self.model.get_weights())
        self.loss_metric = keras.metrics.Mean("loss")
        with tf.device("CPU:0"):
            self.skipped = tf.Variable(0, dtype=tf.int64)
            self.last_skipped = tf.Variable(0, dtype=tf.int64)

    @property
    def step(self) -> int:
        """The number of steps taken."""
        return int(self.optimizer.iterations.numpy())

    @property
    def seeds(self) -> list[keras.Variable]:
        """The dropout layers' seeds, which Keras does not count as weights."""
        weights = {id(weight) for weight in self.model.weights}
        return [v for v in self.model.variables if id(v) not in weights]

    def checkpoint(self, settings: dict) -> tf.train.Checkpoint:
        """A checkpoint of this state and of the settings it was trained with."""
        return tf.train.Checkpoint(
            model=self.model,
            average=self.average,
            optimizer=self.optimizer,
            loss_metric=self.loss_metric.variables,
            seeds=[seed.value for seed in self.seeds],
            skipped=[self.skipped, self.last_skipped],
            settings=checkpoints.SavedSettings(settings),
        )


class TrainingStep:
    """One step over all replicas, compiled."""

    def __init__(self, state, loss, settings: config.Config, strategy):
        """Args: a `TrainingState`; a loss (labels, outputs) -> float32 `[n]`; the
        run's settings; its `tf.distribute` strategy.
        """
        self._state = state
        self._loss = loss
        self._settings = settings
        self._strategy = strategy

    @tf.function(autograph=False)
    def take(self, images, labels, wants_to_stop) -> tf.Tensor:
        """Learns from a global batch.

        Args:
            images: of this process's replicas.
            labels: dictionary of label tensors.
            wants_to_stop: boolean scalar, whether this process was asked to.

        Returns:
            Boolean scalar: whether any process was asked to stop, the same in each.
        """
        per_replica = self._strategy.run(
            self._gradients, (images, labels, wants_to_stop)
        )
        gradients = per_replica[0]
        # Already reduced over the global batch: equal on all replicas.
        loss, norm, votes, statistics = (
            tf.nest.map_structure(self._of_any_replica, value)
            for value in per_replica[1:]
        )
        tf.cond(
            tf.math.is_finite(loss) & tf.math.is_finite(norm),
            lambda: self._learn(gradients, loss, statistics),
            self._skip,
        )
        return votes > 0

    def _gradients(self, images, labels, wants_to_stop):
        """The gradient of the global batch, from a replica's share of it."""
        variables = self._state.variables
        with tf.GradientTape() as tape:
            outputs, statistics = self._outputs(images)
            losses = self._loss(labels, outputs)
            # Divided by the global batch, so shares add up to its mean.
            loss = tf.reduce_sum(losses) / self._settings.global_batch_size
        gradients = tape.gradient(loss, [v.value for v in variables])
        votes = tf.cast(wants_to_stop, tf.float32)
        if self._strategy.num_replicas_in_sync > 1:
            context = tf.distribute.get_replica_context()
            gradients, (loss, votes) = context.all_reduce(
                "SUM", [gradients, [loss, votes]]
            )
        norm = tf.linalg.global_norm(gradients)
        clip_norm = self._settings.optimizer.gradient_clip_norm
        if clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, clip_norm, norm)
        return gradients, loss, norm, votes, statistics

    def _of_any_replica(self, value):
        return self._strategy.experimental_local_results(value)[0]

    def _outputs(self, images):
        """Runs the model with dropout seeds of this step and this replica.

        Returns the outputs, and what the model's statistics are to become.

        Keras's own seeds are the same on all replicas, which would then draw
        the same masks, and they move on at each call. These are a pure function
        of the layer's seed, the step and the replica.
        """
        step = self._state.optimizer.iterations.value
        context = tf.distribute.get_replica_context()
        fold_in = tf.random.fold_in
        seeds = []
        for variable in self._state.seeds:
            seed = fold_in(variable.value, tf.cast(step, variable.dtype))
            replica = tf.cast(context.replica_id_in_sync_group, variable.dtype)
            seeds.append((variable, fold_in(seed, replica)))
        with keras.StatelessScope(state_mapping=seeds) as scope:
            outputs = self._state.model(images, training=True)
        return outputs, [
            scope.get_current_value(variable)
            for variable in statistics_of(self._state.model)
        ]

    def _learn(self, gradients, loss, statistics) -> None:
        def apply(gradients):
            self._state.optimizer.apply(gradients, self._state.variables)

        self._strategy.run(apply, (gradients,))
        for variable, value in zip(statistics_of(self._state.model), statistics):
            self._strategy.extended.update(
                variable.value, lambda old, new: old.assign(new), (value,)
            )
        self._state.loss_metric.update_state(loss)
        self._update_average()

    def _skip(self) -> None:
        iterations = self._state.optimizer.iterations.value
        iterations.assign_add(1)
        self._state.skipped.assign_add(1)
        self._state.last_skipped.assign(tf.cast(iterations, tf.int64))

    def _update_average(self) -> None:
        state = self._state
        decay = self._settings.optimizer.average_decay
        steps = tf.cast(state.optimizer.iterations.value, tf.float32)
        # Short at first, so that the random start is soon forgotten.
        decay = tf.minimum(decay, (1.0 + steps) / (10.0 + steps))
        for average, weight in zip(
            state.average.trainable_weights, state.model.trainable_weights
        ):
            value = tf.convert_to_tensor(weight.value)
            mean = value + decay * (average.value - value)
            average.value.assign(mean)
