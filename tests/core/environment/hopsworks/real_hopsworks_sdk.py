"""The Feature Store through the real SDK, package hopsworks, against a server of its endpoints.

``tox -e hopsworks-sdk`` runs these tests, since the SDK needs an older pandas than other tests.
"""

import json
import pickle
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from helpers import hopsworks_platform

from maggy.common.exceptions import AblationError
from maggy.core.environment import HopsworksEnvironment

COLUMNS = ["age", "fare", "survived"]
CSV = b"age,fare,survived\n1.0,2.0,0.0\n3.0,4.0,1.0\n"
STORE = "/project/119/featurestores"
VIEW = f"{STORE}/67/featureview/titanic/version/1"


def feature(name, position):
    group = {
        "id": 1,
        "name": "passengers",
        "version": 1,
        "featurestoreId": 67,
        "type": "cachedFeaturegroupDTO",
    }
    return {
        "name": name,
        "type": "double",
        "index": position,
        "label": name == "survived",
        "featureGroup": group,
    }


FEATURES = [{"name": name, "type": "double"} for name in COLUMNS]
ANSWERS = {
    "/project/119/credentials": {"clientCert": "x", "clientKey": "y"},
    "/variables/versions": [{"software": "hopsworks", "version": "5.2.0"}],
    "/project/getProjectInfo/demo": {"projectId": 119, "projectName": "demo", "owner": "alice"},
    f"{STORE}/demo_featurestore": {
        "featurestoreId": 67,
        "featurestoreName": "demo_featurestore",
        "created": "2024-01-01T00:00:00.000Z",
        "projectName": "demo",
        "projectId": 119,
        "offlineFeaturestoreName": "demo_featurestore",
        "onlineEnabled": False,
    },
    VIEW: {
        "id": 5,
        "name": "titanic",
        "version": 1,
        "featurestoreId": 67,
        "featurestoreName": "demo_featurestore",
        "query": {
            "leftFeatureGroup": {
                "id": 1,
                "name": "passengers",
                "version": 1,
                "featurestoreId": 67,
                "featurestoreName": "demo_featurestore",
                "type": "cachedFeaturegroupDTO",
                "features": FEATURES,
                "onlineEnabled": False,
                "timeTravelFormat": "NONE",
                "location": "x",
            },
            "leftFeatures": FEATURES,
            "featureStoreName": "demo_featurestore",
            "joins": [],
        },
        "features": [feature(name, position) for position, name in enumerate(COLUMNS)],
    },
    f"{VIEW}/trainingdatasets/version/1": {
        "id": 9,
        "name": "titanic_1",
        "version": 1,
        "featurestoreId": 67,
        "featurestoreName": "demo_featurestore",
        "dataFormat": "csv",
        "coalesce": True,
        "trainingDatasetType": "HOPSFS_TRAINING_DATASET",
        "location": "hdfs://ns/Projects/demo/demo_Training_Datasets/titanic_1",
        "storageConnector": {
            "id": 1,
            "name": "c",
            "featurestoreId": 67,
            "storageConnectorType": "HOPSFS",
            "type": "featurestoreHopsfsConnectorDTO",
            "hopsfsPath": "x",
        },
        "statisticsConfig": {"enabled": False},
        "type": "trainingDatasetDTO",
        "inodeId": 1,
    },
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.partition("?")[0].removeprefix("/hopsworks-api/api")
        status, data = 200, CSV
        if path.startswith("/project/119/dataset/") and "/download/" not in path:
            data = json.dumps({"attributes": {"dir": False}}).encode()
        elif path in ANSWERS:
            data = json.dumps(ANSWERS[path]).encode()
        elif "/dataset/" not in path:
            status, data = (
                404,
                json.dumps(
                    {"errorCode": 270181, "errorMsg": "Feature view was not found"}
                ).encode(),
            )
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def environment(tmp_path, monkeypatch):
    from hopsworks_common.client import hopsworks as client

    platform, endpoints = hopsworks_platform.set_up(tmp_path, monkeypatch)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("REST_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("HOPSWORKS_PUBLIC_HOST", "localhost")
    monkeypatch.setenv("HOPSWORKS_ENGINE", "python")
    monkeypatch.setenv("MATERIAL_DIRECTORY", str(platform.secrets))
    for name in ("material_passwd", "demo__alice__cert.key"):
        (platform.secrets / name).write_text("secret")
    # The SDK would leave these files in /tmp.
    for part in ("ca_chain", "client_cert", "client_key"):
        file = tmp_path / f"{part}.pem"
        file.touch()
        monkeypatch.setattr(client.Client, f"_get_{part}_path", lambda self, file=file: str(file))
    yield HopsworksEnvironment()
    for running_server in (server, endpoints):
        running_server.shutdown()
        running_server.server_close()
    hopsworks_platform.forget_hops()


def test_the_training_data_of_a_feature_view_are_read(environment):
    dataset = environment.find_training_dataset("titanic", 1, "survived")
    dataset.check_names(["age"])
    copy = pickle.loads(pickle.dumps(dataset))
    copy.columns = None  # as a large data set comes to a worker
    for table in (dataset, copy):
        table.load()
        assert {name: column.tolist() for name, column in table.columns.items()} == {
            "age": [1.0, 3.0],
            "fare": [2.0, 4.0],
            "survived": [0.0, 1.0],
        }


def test_other_labels_of_a_view_are_never_among_the_features(environment, monkeypatch):
    several = [{**field, "label": field["name"] != "age"} for field in ANSWERS[VIEW]["features"]]
    monkeypatch.setitem(ANSWERS, VIEW, {**ANSWERS[VIEW], "features": several})
    for label, other in (("survived", "fare"), ("fare", "survived")):
        dataset = environment.find_training_dataset("titanic", 1, label)
        assert dataset.names == ["age", label]
        with pytest.raises(AblationError, match=r"Its features are: age\."):
            dataset.check_names([other])


def test_split_training_data_are_an_error_with_the_remedy(environment, monkeypatch):
    splits = [
        {"name": name, "percentage": 0.5, "splitType": "RANDOM_SPLIT"} for name in ("train", "test")
    ]
    data = f"{VIEW}/trainingdatasets/version/1"
    monkeypatch.setitem(ANSWERS, data, {**ANSWERS[data], "splits": splits, "created": "2024-01-01"})
    with pytest.raises(
        AblationError, match=r"get_train_test_split[\s\S]*give the study a dataset_generator"
    ):
        environment.find_training_dataset("titanic", 1, "survived")


def test_an_unknown_feature_is_an_error_with_the_schema(environment):
    dataset = environment.find_training_dataset("titanic", 1, "survived")
    with pytest.raises(
        AblationError, match=r"no feature 'agee'. Did you mean 'age'\? Its features are: age, fare"
    ):
        dataset.check_names(["agee"])
    with pytest.raises(AblationError, match="the label, which the model predicts"):
        dataset.check_names(["survived"])


def test_an_unknown_view_is_an_error_with_the_places_that_were_searched(environment):
    with pytest.raises(
        AblationError, match=r"no training data set 'other', version 1[\s\S]*demo_Training_Datasets"
    ):
        environment.find_training_dataset("other", 1, "survived")
