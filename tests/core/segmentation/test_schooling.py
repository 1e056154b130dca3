from core.segmentation.schooling import CHECK, HELD_OUT, TRAIN, UNSEEN, _others


def test_no_lesson_to_train_on_has_what_the_benchmark_calls_unseen():
    def among(first: int) -> set:
        return {who for seed in range(first, first + 300) for who in _others(seed)}

    assert among(TRAIN) | among(CHECK) == {None, "nagaswaram", "veena", "kanjira", "thavil"}
    assert among(HELD_OUT) == {None}
    assert among(UNSEEN) == {None, "flute", "ghatam"}
