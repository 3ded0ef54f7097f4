"""What the driver changes of Ray Tune: a trainable is read once, until another one takes its name."""

from ray.tune import registry

from search.tuning.tune_patches import survive_dead_workers

TRAINABLE = registry.TRAINABLE_CLASS


def test_a_trainable_is_read_once_until_its_name_is_given_anew():
    survive_dead_workers()
    known = registry._Registry("test")
    for made in ([1], [2]):
        known.register(TRAINABLE, "of the test", made)
        assert known.contains(TRAINABLE, "of the test")
        found = known.get(TRAINABLE, "of the test")
        assert found == made
        assert known.get(TRAINABLE, "of the test") is found
    assert not known.contains(TRAINABLE, "another")
    known.register(registry.ENV_CREATOR, "of the test", [3])
    assert known.get(registry.ENV_CREATOR, "of the test") == [3]
    assert known.get(TRAINABLE, "of the test") == [2]
