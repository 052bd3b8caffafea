"""Which files are read at once, how often, and what is imported for them."""

import os
from contextlib import closing as closed
from threading import Event

import pytest
from image_samples import picture, png_bytes

from expinterp.errors import ImageFileError
from expinterp.images import read
from expinterp.images.developing.development import Development


@pytest.fixture
def png(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(picture(2, 3), None, None, None))
    return str(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_sources_that_may_block_do_not_begin_in_threads(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    names = ["b10.jpg", "-", str(tmp_path / "pipe"), "b9.jpg", "a\0b"]
    assert read.ready_sources(names) == ["a\0b", "b9.jpg", "b10.jpg"]


def test_each_file_is_decoded_once_as_it_was_asked_for(png, monkeypatch):
    asked = []
    monkeypatch.setattr(
        read, "read_photograph", lambda name, **more: asked.append((name, more)) or name
    )
    for development in (None, Development(space="rec2020")):
        with closed(read.Reading([png, "-"], development)) as reading:
            assert reading.photographs() == [png, "-"]
        expected = {"development": development or Development()}
        assert sorted(asked) == [("-", expected), (png, expected)]
        asked.clear()


def test_what_has_not_begun_is_not_decoded_after_an_error(monkeypatch):
    begun, closing = [], Event()

    def decode(name, **_):
        begun.append(name)
        closing.wait(5)

    monkeypatch.setattr(read, "read_photograph", decode)
    reading = read.Reading([f"{at}.jpg" for at in range(9)])
    shutdown = reading._pool.shutdown

    def close(**how):
        shutdown(wait=False, **how)
        closing.set()
        shutdown()

    monkeypatch.setattr(reading._pool, "shutdown", close)
    reading.close()
    assert len(begun) <= read.READERS


def test_the_codec_of_a_file_is_imported_if_it_can_be_read(png, monkeypatch):
    asked = []
    monkeypatch.setattr(read, "_codec", asked.append)
    for source in (png, "missing.jpg"):
        read.import_codec(source)
    assert asked == ["png"]


def test_the_development_reaches_the_codec(png, monkeypatch):
    asked = []

    def codec(form):
        def decode(data, most, development):
            asked.append((form, most, development))
            raise ImageFileError("enough")

        return decode

    monkeypatch.setattr(read, "_codec", codec)
    wanted = Development(draft=True)
    for development in (None, wanted):
        with pytest.raises(ImageFileError, match="enough"):
            read.read_photograph(png, max_pixels=7, development=development)
    assert asked == [("png", 7, Development()), ("png", 7, wanted)]
    assert vars(Development()) == {
        "white_balance": "camera", "space": "srgb", "balanced_by": None, "multipliers": None,
        "keep": False, "draft": False,
    }  # fmt: skip
