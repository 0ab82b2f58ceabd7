from __future__ import annotations

import gc
import socket
import time

import pytest
import requests

from musicdb import net
from musicdb.errors import LoginNeeded, PayloadError, RateLimited, SourceError, Transient
from musicdb.net import fetching
from musicdb.secrets import Secret

# ---- patience


class Answers:
    """A call that raises or returns what it was given, in order."""

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), 0

    def __call__(self):
        self.calls += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def waits(call, **options):
    slept, said = [], []
    try:
        return net.patient(call, what="Spotify", sleep=slept.append, progress=lambda *step: said.append(step), **options), sum(slept), said
    except SourceError as error:
        return error, sum(slept), said


def test_a_wait_is_as_long_as_the_platform_says_and_is_counted_down():
    answer, slept, said = waits(Answers(RateLimited("wait", 3), "page"))
    assert (answer, slept) == ("page", 3)
    assert said == [(0, 3, "waiting 3 s for Spotify"), (1, 3, "waiting 2 s for Spotify"), (2, 3, "waiting 1 s for Spotify")]


def test_a_wait_over_the_cap_is_not_waited_but_says_when_to_go_on():
    error, slept, _ = waits(Answers(RateLimited("wait", 7200), "never"))
    assert isinstance(error, RateLimited) and error.wait_s == 7200 and slept == 0
    assert "2.0 hours" in str(error) and "what was read is stored" in str(error) and "after " in str(error)


def test_many_short_waits_together_stay_below_the_cap():
    error, slept, _ = waits(Answers(*[RateLimited("wait", 100)] * 9), tries=9, cap_s=300)
    assert isinstance(error, RateLimited) and slept == 300


def test_passing_faults_are_tried_again_with_growing_waits_and_then_raised():
    assert waits(Answers(Transient("502"), Transient("502"), "page"))[:2] == ("page", 3)
    call = Answers(*[Transient("502")] * 9)
    error, slept, _ = waits(call)
    assert (str(error), call.calls, slept) == ("502", 4, 7)


def test_a_login_is_not_tried_again():
    call = Answers(LoginNeeded("log in"), "never")
    assert isinstance(waits(call)[0], LoginNeeded) and call.calls == 1


@pytest.mark.parametrize("value, seconds", [("12", 12), ("1.5", 1.5), (None, 30), ("soon", 30), ("-3", 30), ("nan", 30), ("", 30)])
def test_retry_after_as_a_number_or_nonsense(value, seconds):
    assert net.retry_after(value) == seconds


def test_retry_after_as_a_date():
    from email.utils import formatdate

    assert 50 < net.retry_after(formatdate(time.time() + 60, usegmt=True)) <= 60


def test_every_status_becomes_an_error_that_says_what_to_do():
    assert "musicdb login tidal --account Anna" in str(net.failure(401, platform="tidal", account="Anna"))
    limited = net.failure(429, platform="tidal", retry="17", what="playlists")
    assert isinstance(limited, RateLimited) and limited.wait_s == 17
    assert isinstance(net.failure(503, platform="tidal"), Transient)
    refused = net.failure(404, platform="tidal", detail="https://x/?token=abcdefghij")
    assert type(refused) is SourceError and "abcdefghij" not in str(refused)


# ---- paging


class Known:
    def __init__(self, cursor=None):
        self.text = cursor

    def cursor(self, scope):
        return self.text


class Server:
    """A list in pages; `strange(offset, items, total)` may change what it says."""

    def __init__(self, count, version=None, strange=None, cap=None):
        self.items, self.version, self.strange, self.cap, self.asked = [f"t{n}" for n in range(count)], version, strange, cap, []

    def __call__(self, offset, limit):
        if self.cap and limit > self.cap:
            raise net.PageTooLarge(self.cap)
        self.asked.append(offset)
        items, total = self.items[offset : offset + limit], len(self.items)
        if self.strange:
            items, total = self.strange(offset, items, total)
        return (items, total) if self.version is None else (items, total, self.version)


def read(server, known=None, limit=50, stop_after=None, **options):
    """{position: item} as a loader would hold it, the returned total or the error, the pages."""
    held, pages = {}, []
    run = net.paged(server, kind="track", scope="list", limit=limit, known=known, wrap=lambda item, position: (position, item), **options)
    while True:
        try:
            page = next(run)
        except StopIteration as end:
            return held, end.value, pages
        except SourceError as error:
            return held, error, pages
        held.update(page.payloads)
        pages.append(page)
        if stop_after and len(pages) == stop_after:
            return held, None, pages


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 120, 5000])
def test_every_item_comes_at_its_position_with_no_request_too_many(count):
    server = Server(count)
    held, total, pages = read(server)
    assert (held, total) == (dict(enumerate(server.items)), count)
    assert len(server.asked) == max(1, -(-count // 50))
    assert all(page.total == count for page in pages)


def test_a_run_that_was_stopped_at_any_page_goes_on_from_there_to_the_same_content():
    for stop in range(1, 6):
        server = Server(240, version="v1")
        held, _, pages = read(server, stop_after=stop)
        server.asked.clear()
        more, total, _ = read(server, Known(pages[-1].cursor))
        assert (held | more, total) == (dict(enumerate(server.items)), 240)
        assert len(server.asked) == max(1, 5 - stop)  # the last page once more when only the end was missing


def test_a_list_that_changed_since_is_read_from_the_start():
    server = Server(120, version="v2")
    held, total, _ = read(server, Known("100 120 v1"))
    assert (held, total) == (dict(enumerate(server.items)), 120)
    held, total, _ = read(server, Known("100 119 v2"))
    assert (len(held), total) == (120, 120)


def test_a_list_that_grows_while_it_is_read_is_read_again():
    server = Server(120)

    def grows(offset, items, total):
        if offset == 50 and len(server.items) == 120:
            server.items.insert(0, "new")
            return server.items[50:100], 121
        return items, total

    server.strange = grows
    held, total, _ = read(server)
    assert (held, total) == (dict(enumerate(server.items)), 121)


def test_a_list_that_never_stands_still_ends_with_words_and_few_requests():
    server = Server(120)
    server.strange = lambda offset, items, total: (items, total + len(server.asked))
    _, error, _ = read(server)
    assert isinstance(error, Transient) and "run the same again" in str(error)
    assert len(server.asked) < 20


def test_a_page_that_lost_items_is_asked_for_again():
    server = Server(120)
    lost = []

    def once(offset, items, total):
        if offset == 50 and not lost:
            lost.append(offset)
            return items[:20], total
        return items, total

    server.strange = once
    assert read(server)[:2] == (dict(enumerate(server.items)), 120)
    assert server.asked == [0, 50, 50, 100]


@pytest.mark.parametrize("kept", [0, 20])
def test_items_that_never_come_are_named_and_the_next_run_starts_before_the_gap(kept):
    server = Server(170)
    server.strange = lambda offset, items, total: (items[:kept] if offset == 50 else items, total)
    held, error, pages = read(server)
    assert isinstance(error, Transient) and f"{120 + kept} of 170" in str(error)
    assert len(held) == 120 + kept
    server.strange = None
    more, total, _ = read(server, Known(pages[-1].cursor))
    assert (held | more, total) == (dict(enumerate(server.items)), 170)


def test_short_pages_may_be_normal_but_an_empty_one_is_not():
    server = Server(120)
    server.strange = lambda offset, items, total: (items[1:], total)
    held, total, _ = read(server, short_ok=True)
    assert (len(held), total, server.asked) == (117, 120, [0, 50, 100])
    server.strange = lambda offset, items, total: ([] if offset == 50 else items, total)
    assert isinstance(read(server, short_ok=True)[1], Transient)


def test_the_first_page_over_and_over_is_no_full_list():
    server = Server(120)
    server.strange = lambda offset, items, total: (server.items[:50][: len(items)], total)
    held, error, pages = read(server, key=str)
    assert isinstance(error, Transient)
    server.strange = None
    more, total, _ = read(server, Known(pages[-1].cursor), key=str)
    assert (held | more, total) == (dict(enumerate(server.items)), 120)


def test_an_item_twice_is_fine_where_a_list_may_hold_it_twice():
    server = Server(60)
    server.items[55] = server.items[3]
    assert read(server)[:2] == (dict(enumerate(server.items)), 60)


def test_places_without_an_item_are_places():
    server = Server(60)
    server.items[10] = None
    assert read(server, key=str)[:2] == (dict(enumerate(server.items)), 60)


def test_the_largest_page_is_found_out():
    server = Server(120, cap=50)
    assert read(server, limit=1000)[:2] == (dict(enumerate(server.items)), 120)
    assert server.asked == [0, 50, 100]


def test_without_a_total_the_list_ends_at_an_empty_page():
    server = Server(120)
    server.strange = lambda offset, items, total: (items, None)
    assert read(server)[:2] == (dict(enumerate(server.items)), 120)


def test_a_cursor_of_another_kind_is_no_cursor():
    assert read(Server(60), Known("2024-01-01T00:00:00Z"))[1] == 60


# ---- sessions


def ask(replay, path="/discogs/oauth/identity", **options):
    session = net.requests_session(**options)
    with session, net.words("discogs", "who you are"):
        return session.get(replay.url + path, params={"token": replay.discogs.token}).json()


def test_a_session_reads_json_and_counts(replay):
    session = net.requests_session()
    with session:
        for _ in range(3):
            assert (
                session.get(replay.endpoint("discogs") + "/oauth/identity", params={"token": replay.discogs.token}).json()["id"] == 9417042
            )
    assert session.requests_made == len(replay.log) == 3


@pytest.mark.parametrize("kind", ["html", "html200", "empty", "cut", "truncated", "reset"])
def test_an_answer_that_is_none_becomes_words(replay, kind):
    replay.fault(kind)
    with pytest.raises(Transient, match=r"Discogs.*run the same again") as caught:
        ask(replay)
    assert replay.discogs.token not in str(caught.value) and caught.value.__suppress_context__
    assert ask(replay)["username"] == "kestrel.lodin"


@pytest.mark.parametrize("kind, options", [("stall", {"seconds": 5}), ("drip", {"pause": 0.05}), ("drip_head", {"pause": 0.05})])
def test_a_server_that_stalls_or_drips_is_left_at_the_deadline(replay, kind, options):
    replay.fault(kind, **options)
    began = time.monotonic()
    with pytest.raises(Transient, match="did not answer in time"):
        ask(replay, timeout=(1, 0.5), deadline_s=1.0)
    assert time.monotonic() - began < 3


def test_a_server_left_in_the_middle_of_its_head_leaves_no_socket_open(replay):
    replay.fault("drip_head", pause=0.05)
    with pytest.raises(Transient):
        ask(replay, deadline_s=1.3)  # past the status line, so that half a head was taken for a whole one
    left = [thing for thing in gc.get_objects() if isinstance(thing, socket.socket) and thing._closed and thing.fileno() != -1]
    assert left == []


@pytest.mark.parametrize("kind", ["huge", "bomb"])
def test_an_endless_answer_is_not_kept(replay, kind):
    replay.fault(kind, mb=40)
    with pytest.raises(Transient, match="larger than 2 MB"):
        ask(replay, cap=2 << 20)


def test_a_redirect_to_another_host_is_not_followed(replay):
    replay.fault("redirect", to="http://127.0.0.1:9/steal")
    with pytest.raises(Transient, match=r"redirects to 127\.0\.0\.1:9"):
        ask(replay)
    replay.fault("redirect", to="/discogs/oauth/identity?token=" + replay.discogs.token)
    assert ask(replay)["username"] == "kestrel.lodin"


def test_a_built_in_address_is_rewritten(replay):
    session = net.requests_session(rewrite={"https://auth.example.com/v1": replay.endpoint("tidal")})
    assert session.post("https://auth.example.com/v1/oauth2/device_authorization").json()["userCode"] == "KELPX"


def test_nothing_is_taken_from_the_environment(replay, monkeypatch, tmp_path):
    monkeypatch.setenv("HTTP_PROXY", "http://10.1.2.3:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login x password y")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    ask(replay)
    assert "authorization" not in replay.log[0][0].headers


def test_an_unreachable_server_is_words():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Transient, match="is the network there"), net.words("tidal"):
        net.requests_session().get(f"http://127.0.0.1:{port}/?token={Secret('abcdefghij')}")


def test_words_hide_what_a_client_puts_into_its_error():
    with pytest.raises(Transient) as caught, net.words("discogs"):
        raise requests.HTTPError("500 for https://api/?token=abcdefghij")
    assert "abcdefghij" not in str(caught.value)


# ---- pictures


def host(replay):
    return replay.url.removeprefix("http://")


def picture(replay, path="/images/unda014.jpg", **options):
    return net.fetch_image(replay.url + path, allow=[host(replay)], **options)


def test_a_picture_comes_and_is_not_sent_again_when_unchanged(replay):
    first = picture(replay)
    assert first.data.startswith(b"\xff\xd8") and first.etag == '"unda014"'
    again = picture(replay, etag=first.etag)
    assert again.unchanged and again.data is None


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "localhost", "0x7f000001", "2130706433", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1", "192.168.1.1",
     "169.254.169.254", "100.64.0.1", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "224.0.0.1"],
)  # fmt: skip
def test_no_address_of_this_computer_or_its_network_is_dialled(replay, address):
    with pytest.raises((PayloadError, Transient)) as caught:
        net.fetch_image(f"http://{address}:{replay.url.rpartition(':')[2]}/images/unda014.jpg")
    assert isinstance(caught.value, PayloadError) or "no address" in str(caught.value) or "ConnectError" in str(caught.value)
    assert replay.log == []


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_of_the_open_internet_are_public(address):
    assert fetching.is_public(address)


def test_a_name_with_one_private_address_among_public_ones_is_refused(replay, monkeypatch):
    found = [(2, 1, 6, "", (a, 80)) for a in ("1.1.1.1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: found)
    with pytest.raises(PayloadError, match=r"cdn.example is 127\.0\.0\.1"):
        net.fetch_image("http://cdn.example/x.jpg")


def test_a_name_is_resolved_once_and_that_address_is_dialled(replay, monkeypatch):
    port, asked = int(replay.url.rpartition(":")[2]), []

    def rebinding(name, *a, **k):
        asked.append(name)
        return [(2, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "10.9.9.9", port))]

    monkeypatch.setattr(fetching, "is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(fetching.socket, "getaddrinfo", rebinding)
    create = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda at, *a, **k: _direct(at, create, *a, **k))
    assert net.fetch_image(f"http://cdn.example:{port}/images/unda014.jpg").data
    assert asked == ["cdn.example"]


def _direct(at, create, *args, **kwargs):
    """create_connection asks for the address of an address: without that, only names are counted."""
    made = socket.socket()
    made.connect(at)
    return made


def test_a_redirect_to_a_private_address_is_refused_and_one_to_a_good_one_followed(replay):
    replay.fault("redirect", to="http://127.0.0.1:9/metadata")
    with pytest.raises(PayloadError, match=r"127\.0\.0\.1"):
        picture(replay)
    replay.fault("redirect", to="/images/unda021.jpg")
    assert picture(replay).data
    replay.fault("redirect", to="file:///etc/passwd")
    with pytest.raises(PayloadError):
        picture(replay)
    replay.fault("redirect", times=99, to="/images/unda014.jpg")
    with pytest.raises(PayloadError, match="redirects"):
        picture(replay)


@pytest.mark.parametrize("url", ["ftp://1.1.1.1/x", "file:///etc/passwd", "x", "", "http://", "http://[::1", "http://1.1.1.1:99999/"])
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(PayloadError):
        net.fetch_image(url)


@pytest.mark.parametrize("kind", ["huge", "bomb"])
def test_a_picture_over_the_cap_is_not_kept(replay, kind):
    replay.fault(kind, mb=30)
    with pytest.raises(PayloadError, match=r"larger than|compressed"):
        picture(replay)


@pytest.mark.parametrize("kind, options", [("drip", {"pause": 0.05}), ("drip_head", {"pause": 0.05}), ("stall", {"seconds": 5})])
def test_a_dripping_picture_is_left_at_the_deadline(replay, kind, options):
    picture(replay)
    replay.fault(kind, **options)
    began = time.monotonic()
    with pytest.raises(Transient):
        picture(replay, deadline_s=0.7)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "kind, error",
    [("truncated", Transient), ("empty", Transient), ("reset", Transient), (503, Transient), (429, RateLimited), (404, PayloadError)],
)
def test_a_picture_that_does_not_come_says_why(replay, kind, error):
    replay.fault(kind)
    with pytest.raises(error, match=r"unda014\.jpg"):
        picture(replay, "/images/unda014.jpg?sig=secret-signature")
    replay.fault(kind)
    with pytest.raises(error) as caught:
        picture(replay, "/images/unda014.jpg?sig=secret-signature")
    assert "secret-signature" not in str(caught.value)


def test_several_pictures_come_and_a_failing_one_spoils_no_other(replay):
    replay.fault(404, "unda021")
    wanted = [f"https://pictures.example/{code}.jpg" for code in ("unda014", "unda021", "ssp07", "nosuch")]
    options = {"allow": [host(replay)], "rewrite": {"https://pictures.example": replay.endpoint("images")}}
    found = {one.url: one for one in net.fetch_images([*wanted, "http://10.0.0.1/x.jpg"], parallel=2, **options)}
    assert {url for url, one in found.items() if one.data} == {wanted[0], wanted[2]}
    assert all(isinstance(found[url].error, PayloadError) for url in (wanted[1], wanted[3], "http://10.0.0.1/x.jpg"))


def test_a_test_need_not_wait(no_waiting):
    assert net.patient(Answers(RateLimited("wait", 200), "page")) == "page"
    assert sum(no_waiting) == 200
