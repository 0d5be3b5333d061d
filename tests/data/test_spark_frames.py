"""Data frames of Spark are shared with the trials of real experiments."""

import os
import pickle
import stat
import tempfile

import numpy as np
import pytest

import maggy.data
from maggy import Searchspace, experiment
from maggy.common.exceptions import BadArgumentsError, ExperimentError, SignatureError
from maggy.data.frames import collect, collect_batches
from maggy.experiment_config import OptimizationConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("experiments")]

SPACE = Searchspace(row=("INTEGER", [0, 9]))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def frame(spark):
    return spark.range(0, 1_000, 1, 3).selectExpr(
        "id", "id * 0.5D AS half", "concat('row ', id) AS name", "array(id, -id) AS pair"
    )


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_all_trials_of_a_search_read_the_one_file_of_a_local_master(frame, folder, isolation):
    with maggy.data.share(frame) as data:
        identity = data._origin.file.identity

        def train(row):
            half = data.numpy("half")
            status = os.stat(data._file.path)
            assert (status.st_dev, status.st_ino, status.st_size) == identity
            assert stat.S_IMODE(status.st_mode) == 0o600
            assert not half.flags.writeable
            assert data.numpy("pair").shape == (1_000, 2)
            return {
                "metric": half[row],
                "name": data.pandas()["name"][row],
                "pid": os.getpid(),
            }

        config = OptimizationConfig(6, "randomsearch", SPACE, seed=1, isolation=isolation)
        result = experiment.lagom(train, config)
        files = [path for path in folder.rglob("*.arrow*") if path.is_file()]
    assert (result["num_trials"], result["failed"]) == (6, 0)
    for trial in result.trials:
        assert trial["metric"] == trial["params"]["row"] * 0.5
        assert trial["outputs"]["name"] == f"row {trial['params']['row']}"
        assert trial["outputs"]["pid"] != os.getpid()
    assert len(files) == 1
    assert not list(folder.rglob("*.arrow*"))


def test_a_closed_handle_is_refused_before_any_trial(frame, experiments):
    with maggy.data.share(frame) as data:
        pass
    with pytest.raises(SignatureError, match="shared data were closed and cannot be used any more"):
        experiment.lagom(
            lambda row: data.numpy("half")[row], OptimizationConfig(2, "randomsearch", SPACE)
        )


def test_spark_3_5_gives_the_same_table(spark):
    frame = spark.sql(
        "SELECT id, IF(id % 2 = 0, id, NULL) AS gaps, CAST(id AS FLOAT) AS float, id > 3 AS flag, "
        "TIMESTAMP '2024-02-03 04:05:06' AS time, DATE '2024-02-03' AS day, array(id) AS list, "
        "named_struct('a', id) AS struct, CAST(id AS DECIMAL(9, 2)) AS decimal, 'x' AS text "
        "FROM range(0, 10, 1, 3)"
    )
    table = collect(frame)
    other = collect_batches(frame)
    assert [str(kind) for kind in other.schema.types] == [str(kind) for kind in table.schema.types]
    assert other.to_pydict() == table.to_pydict()
    assert table.column("gaps").null_count == 5
    assert table.schema.field("gaps").type == "int64"


def test_an_empty_frame_is_refused(spark):
    with pytest.raises(BadArgumentsError, match="this one has 0 rows and 1 columns"):
        maggy.data.share(spark.range(0))


def test_a_name_that_is_there_twice_is_refused(spark):
    with pytest.raises(BadArgumentsError, match="different names, but 'id' is there 2 times"):
        maggy.data.share(spark.range(2).selectExpr("id", "id"))


def test_a_column_of_vectors_is_refused_with_the_function_that_helps(spark):
    from pyspark.ml.functions import vector_to_array
    from pyspark.ml.linalg import Vectors

    frame = spark.createDataFrame([(1, Vectors.dense([1.0, 2.0]))], ["n", "features"])
    with pytest.raises(
        BadArgumentsError, match=r"'features' has Spark's type vector.*vector_to_array"
    ):
        maggy.data.share(frame)
    with maggy.data.share(frame.withColumn("features", vector_to_array("features"))) as data:
        assert np.array_equal(data.numpy("features"), [[1.0, 2.0]])


def test_a_column_that_arrow_cannot_hold_is_refused_also_inside_another(spark):
    frame = spark.sql("SELECT 1 AS n, array(make_interval(1)) AS spans")
    with pytest.raises(BadArgumentsError, match=r"'spans' has Spark's type interval.*leave it out"):
        maggy.data.share(frame)


def test_a_frame_that_is_larger_than_the_driver_may_collect_is_refused_with_the_remedy(
    spark, folder
):
    conf = spark.sparkContext._jsc.sc().conf()
    conf.set("spark.driver.maxResultSize", "2048b")
    try:
        with pytest.raises(
            BadArgumentsError,
            match=r"too large to be collected.*bigger than.*larger spark.driver.maxResultSize",
        ):
            maggy.data.share(spark.range(0, 100_000, 1, 4))
    finally:
        conf.set("spark.driver.maxResultSize", "1g")
    assert not list(folder.rglob("*.arrow*"))


def test_a_frame_that_cannot_be_computed_is_an_error_of_the_experiment(spark):
    frame = spark.range(3).selectExpr("assert_true(id < 1, 'the rows are wrong') AS a", "id")
    frame = frame.selectExpr("id", "CAST(a AS STRING) AS a")
    with pytest.raises(ExperimentError, match=r"(?s)cannot compute the frame.*the rows are wrong"):
        maggy.data.share(frame)


def test_a_table_that_was_shared_before_spark_was_found_is_sent_with_the_function(
    spark, monkeypatch
):
    import pyarrow

    sent = []
    data = maggy.data.share(pyarrow.table({"half": np.arange(10) * 0.5}))
    data._origin._application = None  # as if there had been no session
    monkeypatch.setattr(data._origin, "send", sent.append)
    result = experiment.lagom(
        lambda row: data.numpy("half")[row], OptimizationConfig(2, "randomsearch", SPACE, seed=1)
    )
    assert (result["num_trials"], result["failed"]) == (2, 0)
    assert sent
    assert all(session.sparkContext is spark.sparkContext for session in sent)


def test_a_job_after_the_end_of_data_that_were_pickled_needs_them_no_more(spark):
    data = maggy.data.share(spark.range(3))
    data._origin._variable = spark.sparkContext.broadcast(b"as on a cluster")
    # A function is pickled also for an experiment that is refused before its job.
    assert pickle.loads(pickle.dumps(data)).numpy("id").tolist() == [0, 1, 2]
    data.close()
    assert spark.sparkContext.parallelize([-1, 2], 1).map(abs).collect() == [1, 2]
