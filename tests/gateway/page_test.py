# SPDX-License-Identifier: MIT
"""The observer's page, in a real browser: by a real gateway, and by one that is played for what
would take many tenants or much time."""

import re
import time

import pytest

from harness import netns, texts
from harness.backend import free_port
from harness.browser import Browser
from harness.client import fetch
from harness.gateway import Gateway, wait_for
from harness.stage import Stage, in_days, part, tenant
from observe_test import ask, answers

pytestmark = pytest.mark.measures  # once is enough: the browser is what is slow

ROWS = "document.querySelectorAll('.list tbody tr')"
NAMES = "[...document.querySelectorAll('.list tbody .name')].map(cell => cell.textContent)"
ODD = ["<img src=x onerror=alert(1)>", "\"quote'&amp;", "</script><script>x()</script>", "ünïcode ✓",
       "\u202egpj.exe", "a/b?c#d", "100%", "__proto__"]


@pytest.fixture(scope="module")
def browser():
    made = Browser()
    yield made
    made.close()


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """The page as a gateway's observer gives it."""
    where = ("127.0.0.1", free_port())
    gateway = Gateway(tmp_path_factory.mktemp("page"), observe=f"{where[0]}:{where[1]}")
    gateway.start()
    wait_for(lambda: answers(where, "/"), 10, "the observer answers")
    answer = ask(where, "/")
    gateway.stop()
    return answer


@pytest.fixture
def page(browser):
    """A tab; at its end nothing must have gone wrong in it."""
    made = browser.page()
    yield made
    made.close()


@pytest.fixture
def stage(document):
    made = Stage(document)
    yield made
    made.close()


@pytest.fixture
def show(page, stage):
    """show(tenants): the page with these tenants. What it did is checked at the end."""

    def open_with(*tenants, **gateway):
        stage.tenants, stage.gateway = list(tenants), gateway
        page.open(stage.url)
        page.wait(f"{ROWS}.length > 0" if tenants else
                  "(document.getElementById('verdict')?.textContent || '') !== ''")
        return page

    yield open_with
    assert not page.complaints()
    assert all(url.startswith((stage.url, "data:")) for url in page.asked())


def cell(page, name, key):
    return page.run(f"""[...{ROWS}].find(row => row.querySelector('.name').textContent === {name!r})
                        .querySelector('.{key}').innerText""")


def sort(page, title):
    page.run(f"""[...document.querySelectorAll('.list thead button')]
                 .find(button => button.textContent === {title!r}).click()""")


# ---- what is sent ----

def test_the_document_loads_nothing_and_may_do_nothing(document):
    policy = dict(part.strip().split(" ", 1)
                  for part in document.fields["content-security-policy"].split(";"))
    assert document.status == 200
    assert document.fields["content-type"] == "text/html; charset=utf-8"
    assert document.fields["x-content-type-options"] == "nosniff"
    assert document.fields["referrer-policy"] == "no-referrer"
    assert document.fields["cache-control"] == "no-store"
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == \
        policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    for kind in ("style-src", "script-src"):
        assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy[kind])
    assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)", document.body), "no other host"
    assert not re.search(rb"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|@PAGE",
                         document.body)


# ---- a real gateway ----

def test_it_shows_what_a_gateway_does(gateway, authority, namespace, page):
    where = ("127.0.0.1", free_port())
    gateway.settings["observe"] = f"{where[0]}:{where[1]}"
    gateway.write_main()
    gateway.tenant("acme", texts.tenant(namespace, texts.tls_server(
        authority, "acme.test", 'return 200 "a";'), 'server { listen 8080; return 200 "b"; }'))
    gateway.tenant("broken", "nonsense;\n")
    gateway.start()
    wait_for(lambda: answers(where, "/"), 10, "the observer answers")
    url = f"http://{where[0]}:{where[1]}/"
    page.open(url)
    page.wait(f"{ROWS}.length === 2")
    assert page.run(NAMES) == ["broken", "acme"], "what is wrong comes first"
    assert "refused" in cell(page, "broken", "state") and "unknown" in cell(page, "broken", "error")
    assert "serving" in cell(page, "acme", "state")
    assert cell(page, "acme", "namespace") == namespace and " d" in cell(page, "acme", "expires")
    page.wait("document.getElementById('verdict').textContent.includes('1 of 2 tenants')")

    # What changes is seen without anybody's doing.
    gateway.tenant("broken", texts.plain(netns.PREFIX + "late", 'return 200 "late";'))
    gateway.ask("reload")
    page.wait(f"[...{ROWS}].some(row => row.innerText.includes('waiting'))", "it is seen to wait")
    for _ in range(50):
        assert fetch(namespace, ("127.0.0.1", 8080)).body == b"b"
    page.wait(f"""Number([...{ROWS}].find(row => row.innerText.includes('acme'))
                  .querySelector('.rate').innerText) > 0""", "requests are seen")
    page.run("location.hash = '#/tenant/acme'")
    page.wait("document.querySelector('h1')?.textContent === 'acme'")
    page.wait(f"document.querySelector('main').innerText.includes('{namespace}')")
    page.wait("document.querySelector('main').innerText.includes('h1 2xx')", "all of its figures")
    page.wait("(document.querySelector('.chart .line')?.getAttribute('d') || '') !== ''", "its curve")
    assert not page.complaints()
    assert all(asked.startswith((url, "data:")) for asked in page.asked())


# ---- the table ----

def test_columns_sort(show):
    page = show(tenant("b10", connections=5, expires=in_days(90.5)),
                tenant("b9", connections=70, expires=in_days(3.5)),
                tenant("a", "waiting", connections=0, error="no namespace"),
                tenant("c", connections=1200, expires=in_days(-1)))
    assert page.run(NAMES) == ["a", "b9", "b10", "c"], "trouble first, then names as people sort"
    sort(page, "Tenant")
    assert page.run(NAMES) == ["a", "b9", "b10", "c"]
    sorted_by = "[...document.querySelectorAll('[aria-sort]')].map(e => e.className + e.ariaSort)"
    assert page.run(sorted_by) == ["nameascending"]
    sort(page, "Tenant")
    assert page.run(NAMES) == ["c", "b10", "b9", "a"] and page.run(sorted_by) == ["namedescending"]
    sort(page, "Conns")
    assert page.run(NAMES) == ["c", "b9", "b10", "a"], "the most first"
    assert cell(page, "c", "connections") == "1,200"
    sort(page, "Certificate")
    assert page.run(NAMES) == ["c", "b9", "b10", "a"], "the first to expire first, none last"
    sort(page, "Last error")
    assert page.run(NAMES)[0] == "a"


def test_filters_by_name_and_state(show):
    page = show(*(tenant(f"acme-{n}") for n in range(5)), tenant("globex", "refused"),
                tenant("other", namespace="ACME-net"))
    page.run("document.querySelector('.tools input').focus()")
    page.type("Acme")
    page.wait(f"{ROWS}.length === 6")
    assert "globex" not in page.run(NAMES) and "other" in page.run(NAMES), "by namespace, too"
    assert page.run("document.getElementById('shown').textContent") == "6 of 7"
    page.run("document.querySelector('[data-state=refused]').click()")
    assert page.run(f"{ROWS}.length") == 0
    assert "No tenant matches" in page.run("document.querySelector('main').innerText")
    page.run("""input = document.querySelector('.tools input'); input.value = '';
                input.dispatchEvent(new Event('input'))""")
    assert page.run(NAMES) == ["globex"]
    assert page.run("document.querySelector('[data-state=refused]').ariaPressed") == "true"
    page.run("document.querySelector('[data-state=\"\"]').click()")
    assert page.run(f"{ROWS}.length") == 7


@pytest.mark.parametrize("days, level, sign", [(90, "", ""), (29.5, "warn", "△"), (6.5, "bad", "▲"),
                                               (0.9, "urgent", "▲"), (-1, "urgent", "expired")])
def test_certificates_that_expire_are_told_by_colour_and_sign(show, days, level, sign):
    page = show(tenant("a", expires=in_days(days)))
    assert page.run("document.querySelector('tbody .expires span').className") == level
    assert sign in cell(page, "a", "expires")


def test_names_and_errors_are_never_markup(show):
    page = show(*(tenant(name, "degraded", error=name, namespace=name) for name in ODD))
    assert sorted(page.run(NAMES)) == sorted(ODD)
    for name in ODD:
        page.run(f"location.hash = '#/tenant/' + encodeURIComponent({name!r})")
        page.wait(f"document.querySelector('h1')?.textContent === {name!r}")
        page.wait(f"document.querySelector('.trouble')?.textContent === {name!r}")
    page.run("location.hash = '#/tenant/%E0%A4%A'")
    page.wait(f"{ROWS}.length === {len(ODD)}", "a half escape is no tenant")
    assert page.run("document.querySelectorAll('img, main script').length") == 0


def test_ten_thousand_rows(show):
    """Only what is in sight is there; the last one is reached by a key, and by scrolling."""
    page = show(*(tenant(f"t{n:05}") for n in range(10000)))
    count = f"{ROWS}.length"
    assert 5 < page.run(count) < 80
    assert page.run("document.querySelector('.list').ariaRowCount") == "10001"
    assert page.run("document.querySelectorAll('*').length") < 2500
    page.run("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait(f"{NAMES}.includes('t09999')")
    assert page.run(count) < 80
    page.run("scrollTo(0, 200000)")
    page.wait(f"{NAMES}.includes('t05000')")
    page.run(f"{ROWS}[9].querySelector('a').focus()")
    page.key("End", 35)
    page.wait("document.activeElement.textContent === 't09999'")
    page.key("ArrowUp", 38)
    page.wait("document.activeElement.textContent === 't09998'")
    page.key("Home", 36)
    page.wait("document.activeElement.textContent === 't00000' && scrollY < 1000")
    page.run("document.querySelector('.tools input').focus()")
    page.type("t0777")
    page.wait(f"{count} === 10")


# ---- a tenant ----

TENANT = {
    "error": "cannot listen at 10.0.0.1:443: in use",
    "complaints": [{"since": 1700000600, "text": ""}, {"since": 1700000000, "text": "no <b>net</b>"}],
    "curves": {"rate": [1, 2, 3], "errors": [0, 0, 1], "p50": [0.002, None, 0.002],
               "p99": [0.1, None, 0.3], "connections": [5, 6, 7]},
    "help": {"nsgate_new_total": "What nobody has thought of"},
    "figures": {"nsgate_tenant_namespace_inode": 4026531840, "nsgate_new_total": 77,
                "nsgate_requests_total": {"h2 2xx": 1234, "h1 5xx": 5},
                "nsgate_connections_refused_total": {"max_handshakes": 9},
                "nsgate_connections_closed_total": {"idle": 3},
                "nsgate_tenant_generation": 7, "nsgate_received_bytes_total": 2048},
    "parts": [part("listener", {"nsgate_listener_connections": 12}, listener="10.0.0.1:443"),
              part("endpoint", {"nsgate_endpoint_up": 0, "nsgate_endpoint_requests_total": 50,
                                "nsgate_endpoint_failures_total": {"connect_refused": 4}},
                   server="10.9.9.9:80", upstream="app"),
              part("certificate", {"nsgate_certificate_expiry_timestamp_seconds": in_days(5.5)},
                   server_name="acme.test", kind="first")]}


def test_a_tenants_own_view(show):
    page = show(tenant("acme", "degraded", TENANT, bound=1, listeners=3, connections=12, rate=3,
                       errors=1, p50=0.002, p99=0.3, expires=in_days(5.5)), tenant("b"))
    page.run("scrollTo(0, 0); document.querySelector('.list tbody a').focus()")
    page.key("Enter", 13, "\r")
    page.wait("document.querySelector('h1')?.textContent === 'acme'")
    assert page.run("document.activeElement.tagName") == "H1", "readers begin there"
    assert page.run("document.title") == "acme – nsgate"
    page.wait("document.querySelector('.trouble')?.textContent.includes('in use')")
    text = page.run("document.querySelector('main').innerText")
    for told in ("degraded", "1 of 3", "4026531840", "10.0.0.1:443", "10.9.9.9:80", "down",
                 "connect refused 4", "acme.test", "5 d", "max handshakes", "idle", "2.0 KiB", "1,234",
                 "no <b>net</b>", "all is well", "33% answered with 5xx", "p50 2.0 ms, p99 300 ms"):
        assert told in text, told
    lines = page.run("[...document.querySelectorAll('.chart .line')].map(l => l.getAttribute('d'))")
    assert [line.count("M") for line in lines] == [1, 1, 2, 2, 1, 0], "gaps stay gaps"
    page.run("document.querySelector('details').open = true")
    row = page.run("""[...document.querySelectorAll('details tr')].map(row => row.innerText)
                      .find(text => text.includes('nsgate_new_total'))""")
    assert "77" in row, "a figure that is new is there by itself"
    page.run("document.querySelector('details').dataset.same = 'yes'")
    page.wait("performance.getEntriesByType('resource').length > 3", "it is asked again")
    assert page.run("document.querySelector('details[data-same]').open"), "it is not made anew"
    page.key("Escape", 27)
    page.wait("document.activeElement.textContent === 'acme'", "back where one came from")
    assert page.run("document.title") == "nsgate"
    page.run("location.hash = '#/tenant/nobody'")
    page.wait("document.querySelector('main').innerText.includes('no tenant of this name')")


def test_curves_and_figures_of_rows(show):
    page = show(tenant("busy", rate=1234.5, errors=123.45, p50=0.0042, p99=1.5, curve=[0.5] * 59 + [9],
                       errorCurve=[1, 2]), tenant("quiet"), tenant("slow", rate=0.05, p50=0.2, p99=0.3))
    assert [cell(page, "busy", key) for key in ("rate", "errors", "p50", "p99")] == \
        ["1,235", "10%", "4.2 ms", "1.5 s"]
    assert [cell(page, "quiet", key) for key in ("rate", "errors", "p50", "p99")] == ["0", "–", "–", "–"]
    assert cell(page, "slow", "rate") == "<0.1"
    paths = "[...document.querySelectorAll('tbody .curve')].map(c => c.querySelector('.line').getAttribute('d'))"
    busy, *others = page.run(paths)
    assert busy.count("L") == 59 and others == ["", ""]
    for title, names in (("p99", ["busy", "slow", "quiet"]), ("Req/s", ["busy", "slow", "quiet"]),
                         ("5xx", ["busy", "quiet", "slow"])):
        sort(page, title)
        assert page.run(NAMES) == names, title


@pytest.mark.parametrize("gateway, said", [
    ({}, "All is well"), ({"state": "ending"}, "The gateway is ending"), ({"ready": 1}, "1 of 2 workers ready"),
    ({"reload": "refused", "reloadTime": 1700000000}, "The last reload was refused"),
    ({"reload": "partial", "reloadTime": 1700000000}, "The last reload is in force in part only"),
    ({"expired": 1, "expiring": 2}, "1 certificate has expired; 2 certificates expire within a week"),
    ({"flow": [10, 1, 0.1, 0.2]}, "more than 5% of all requests fail"),
    ({"states": {"serving": 5, "refused": 1, "waiting": 2}}, "3 of 8 tenants not serving as they should "
     "(1 refused, 2 waiting)")])
def test_one_sentence_says_whether_anything_is_wrong(show, gateway, said):
    page = show(tenant("a"), **gateway)
    assert said.lower() in page.run("document.getElementById('verdict').textContent").lower()


# ---- as time goes on ----

def test_it_goes_on_when_the_observer_is_back(show, stage):
    page = show(tenant("a"))
    page.run("""window.said = []; new MutationObserver(() => said.push(
        document.getElementById('verdict').textContent)).observe(
        document.getElementById('verdict'), {childList: true, characterData: true, subtree: true})""")
    stage.is_away = True
    page.wait("!document.getElementById('away').hidden", "it is told")
    assert "does not answer" in page.run("document.getElementById('away').textContent")
    assert page.run(NAMES) == ["a"], "what was known stays"
    stage.tenants = [tenant("a"), tenant("z", "refused")]
    stage.is_away = False
    page.wait("document.getElementById('away').hidden", "it is back")
    assert page.run(NAMES) == ["z", "a"]
    page.wait(f"{NAMES}.length === 2")
    assert page.run("said.length") == 1, "a live region speaks when there is something to say"
    # What the network refused meanwhile is Chromium's to tell.
    stage_errors = [entry for entry in page.complaints() if "net::ERR" not in entry]
    assert not stage_errors
    page.browser.events.clear()


def test_without_tenants(show):
    page = show()
    assert "no tenants yet" in page.run("document.querySelector('main').innerText")


# ---- how it looks ----

CONTRAST = """(() => {
  const parse = text => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92
    : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c; }
    return [255, 255, 255]; };
  let least = 99;
  for (const e of document.querySelectorAll('header *, main *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.offsetParent) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
    least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return least; })()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_legible_in_light_and_dark(show, page, scheme):
    page.scheme(scheme)
    show(*(tenant(state, state, error="e", expires=in_days(days)) for state, days in
           [("serving", 0.5), ("degraded", 5), ("waiting", 20), ("blocked", -1), ("refused", 99)]))
    time.sleep(0.3)  # colours that change by and by
    assert page.run(CONTRAST) >= 4.5, "WCAG AA"
    ground = page.run("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]")
    assert (int(ground) < 60) == (scheme == "dark")


@pytest.mark.parametrize("width", [360, 700, 1000, 1280, 1920])
def test_no_width_scrolls_sideways(show, page, width):
    page.size(width, 740, width == 360)
    show(tenant("a" * 60, "degraded", error="e" * 500, namespace="n" * 60, connections=123456,
                expires=in_days(0.5)), tenant("b"))
    for where in ("#/", "#/tenant/" + "a" * 60):
        page.run(f"location.hash = '{where}'")
        page.wait("document.querySelector('main').innerText.includes('aaa')")
        page.wait("!document.querySelector('article') || document.querySelector('.told, .empty')")
        assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run("document.querySelector('h1').getBoundingClientRect().right") <= width


def test_a_keyboard_reaches_everything_and_shows_where_it_is(show):
    page = show(tenant("a"), tenant("b", "refused"))
    seen = []
    for _ in range(20):
        page.key("Tab", 9)
        seen.append(page.run("""(e => e === document.body ? '' : e.tagName + ':' +
            (getComputedStyle(e).outlineStyle !== 'none' || e.matches('.skip')))(document.activeElement)"""))
        if not seen[-1]:
            break
    stops = [stop for stop in seen if stop]
    assert len(stops) >= 2 + 1 + 3 + 10 + 2 and all(stop.endswith(":true") for stop in stops), stops
    page.key("/", 191, "/")
    assert page.run("document.activeElement.type") == "search"


def test_the_skip_link_stays_in_the_view(show):
    page = show(tenant("a", "degraded", TENANT), tenant("b"))
    page.run("routed = 0; shownView = route; route = () => { routed++; shownView(); }; 0")
    for where, heading in (("#/", "Tenants"), ("#/tenant/a", "a")):
        page.run(f"location.hash = '{where}'")
        page.wait(f"document.querySelector('main h1')?.textContent === '{heading}'")
        page.wait("document.querySelector('tbody, .told')")
        page.run("routed = 0; document.querySelector('.skip').focus()")
        page.key("Enter", 13, "\r")
        page.wait("document.activeElement.id === 'main'")
        assert page.run("location.hash") in (where, ""), "its address can be kept"
        page.run("""new Promise(done => { addEventListener('hashchange', () => setTimeout(done), {once: true});
                                         location.hash = '#main'; })""")
        assert page.run("document.querySelector('main h1').textContent") == heading
        assert page.run("routed") == 0, "nothing is asked or made anew"


def test_a_reader_hears_a_table(show):
    page = show(tenant("a", expires=in_days(0.5)), tenant("b"))
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    names = [node.get("name", {}).get("value", "") for node in nodes if not node["ignored"]]
    assert roles.count("table") == 1 and roles.count("row") == 3
    assert roles.count("columnheader") == 11 and roles.count("rowheader") == 2
    assert any("within a day" in name for name in names)
    assert "Filter by name or namespace" in names
