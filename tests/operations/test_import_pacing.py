from reclave.operations.import_accounts.pacing import FEWEST, HOLD_SECONDS, MOST, STEP, Pace


def test_chunks_grow_while_the_writer_is_held_for_less_than_it_may_be() -> None:
    pace = Pace()
    for expected in (2 * STEP, 4 * STEP, MOST, MOST):
        pace.wrote(pace.rows, 0.001, 0.001)
        assert pace.rows == expected


def test_a_chunk_that_held_the_writer_for_too_long_makes_the_next_one_smaller() -> None:
    pace = Pace()
    pace.read_only()
    pace.wrote(pace.rows, 2 * HOLD_SECONDS, 0)
    assert pace.rows == STEP
    pace.wrote(pace.rows, 10, 10)
    assert pace.rows == FEWEST


def test_a_slow_disk_alone_does_not_make_chunks_tiny() -> None:
    pace = Pace()
    for _ in range(50):
        pace.wrote(pace.rows, pace.rows * 0.00001, 0.02)
    assert pace.rows == MOST


def test_a_file_with_passwords_is_written_a_few_rows_at_a_time() -> None:
    pace = Pace(64)
    pace.read_only()
    assert pace.rows == 64
