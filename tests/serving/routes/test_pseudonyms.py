"""With pseudonyms on, a server keeps and says nothing of who its users are."""

import shutil

import httpx


def test_users_are_kept_under_their_pseudonyms(tmp_path, exports, request):
    from serving.app import create_app
    from serving.options import Options

    shutil.copytree(exports["first"], tmp_path / "target" / "1")
    (tmp_path / "key").write_bytes(b"0123456789abcdef")
    store = tmp_path / "kept" / "events.sqlite"
    options = Options(pseudonyms={"key_file": str(tmp_path / "key")}, events={"store": f"sqlite:///{store}"})
    listening = request.getfixturevalue("serve_app")
    user = "0b8f1c9e-55f1-4ef4-9d4b-6d2a9d1f6f10"
    with listening(create_app(str(tmp_path / "target"), options)) as address, httpx.Client(base_url=address) as client:
        assert client.post("/events", json={"user_id": user, "item_id": "i1"}, timeout=30).status_code == 200
        answer = client.post("/recommend", json={"user_id": user}, timeout=30).json()
        assert answer["source"] == "state"
        assert not [path for path in store.parent.iterdir() if user.encode() in path.read_bytes()]
        assert client.delete(f"/users/{user}").status_code == 204
        assert client.post("/recommend", json={"user_id": user}, timeout=30).json()["source"] == "kept_history"
