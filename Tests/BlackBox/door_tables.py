"""What is not a request, and the status that each deserves: rows of the tables of P5 and P6."""

from __future__ import annotations

from dataclasses import dataclass

from door_wire import BODY, chunked, head, post

PATH = "/recipe/session"
LIMIT = 1 << 20
REMOVE_LIMIT = 16 << 20
HEAD_LIMIT = 16 << 10
TARGET_LIMIT = 8 << 10
FIELDS = 100
WHOLE = b"%x\r\n%b\r\n" % (len(BODY), BODY)


@dataclass(frozen=True)
class Row:
    """A request and its right answer."""

    title: str
    request: bytes
    statuses: tuple[int, ...]
    finish: bool = False
    """Whether the client ends its direction after the bytes."""


def coded(value: str, *fields: str) -> bytes:
    """A request with a transfer coding."""
    return head(f"POST {PATH} HTTP/1.1", f"Transfer-Encoding: {value}", *fields) + WHOLE + b"0\r\n\r\n"


def measured(*values: str) -> bytes:
    """A request with lengths."""
    return head(f"POST {PATH} HTTP/1.1", *(f"Content-Length: {value}" for value in values)) + BODY


def rows(titles: dict[str, bytes], *statuses: int, finish: bool = False) -> list[Row]:
    """Rows that deserve the same."""
    return [Row(title, request, statuses, finish) for title, request in titles.items()]


BROKEN = [
    *rows({
        "a chunk size that is no number": chunked(b"zz\r\n" + BODY),
        "a chunk size with 0x": chunked(b"0x5\r\nhello\r\n0\r\n\r\n"),
        "a negative chunk size": chunked(b"-5\r\nhello\r\n0\r\n\r\n"),
        "a chunk size with a plus": chunked(b"+5\r\nhello\r\n0\r\n\r\n"),
        "no chunk size": chunked(b"\r\nhello\r\n0\r\n\r\n"),
        "a chunk size after a space": chunked(b" 5\r\nhello\r\n0\r\n\r\n"),
        "two chunk sizes": chunked(b"5 5\r\nhello\r\n0\r\n\r\n"),
        "an extension without a name": chunked(b"5;=\x01\r\nhello\r\n0\r\n\r\n"),
        "an extension with a NUL": chunked(b"5;a\x00b\r\nhello\r\n0\r\n\r\n"),
        "an extension with a bare CR": chunked(b"5;a=\rb\r\nhello\r\n0\r\n\r\n"),
        "no line end after a chunk": chunked(b"5\r\nhelloX\r\n0\r\n\r\n"),
        "a chunk longer than its size": chunked(b"5\r\nhello you\r\n0\r\n\r\n"),
        "a bare LF after a chunk size": chunked(b"5\nhello\r\n0\r\n\r\n"),
        "a trailer that is no field": chunked(WHOLE + b"0\r\nno colon here\r\n\r\n"),
        "a length and chunks": coded("chunked", f"Content-Length: {len(BODY)}"),
        "chunks and a length of 0": coded("chunked", "Content-Length: 0"),
        "two lengths": measured(str(len(BODY)), "5"),
        "two lengths in a list": measured(f"{len(BODY)}, 5"),
        "a negative length": measured("-1"),
        "a length with a plus": measured("+5"),
        "a length that is no number": measured("5x"),
        "a length in hexadecimal": measured("0x5"),
        "a length with an exponent": measured("1e2"),
        "a length with a space inside": measured("5 5"),
        "an empty length": measured(""),
        "a fraction of a length": measured("5.0"),
    }, 400),
    *rows({
        "a chunk size beyond 64 bits": chunked(b"ffffffffffffffffff\r\n" + BODY),
        "a length beyond 64 bits": measured("99999999999999999999999"),
        "a length of 64 bits": measured("18446744073709551615"),
    }, 400, 413),
    *rows({"gzip": coded("gzip"), "gzip before chunked": coded("gzip, chunked"), "deflate": coded("deflate"),
           "a coding of one's own": coded("x-mine")}, 501),
    # RFC 9112 6.1 says 501 for a coding that is unknown and 6.3 says 400 where chunked is not the last.
    *rows({"identity": coded("identity"), "chunked before gzip": coded("chunked, gzip"),
           "chunked twice": coded("chunked, chunked"), "chunked in two fields":
           coded("chunked", "Transfer-Encoding: chunked"), "a coding in two fields":
           coded("gzip", "Transfer-Encoding: chunked"), "no coding": coded(""), "a prefix": coded("xchunked"),
           "a suffix": coded("chunkedx"), "a quoted coding": coded('"chunked"'),
           "a parameter": coded("chunked;q=1"), "a vertical tab": coded("\x0bchunked")}, 501, 400),
    *rows({
        "half a body": post(PATH, BODY[:30], length=len(BODY)),
        "no byte of a body": post(PATH, b"", length=len(BODY)),
        "a body without its last byte": post(PATH, BODY[:-1], length=len(BODY)),
        "half a chunk size": chunked(b"5"),
        "half a chunk": chunked(b"50\r\nhello"),
        "no last chunk": chunked(WHOLE),
        "a last chunk without its empty line": chunked(WHOLE + b"0\r\n"),
        "half a trailer": chunked(WHOLE + b"0\r\nX-Trailer: y"),
        "no byte of chunks": chunked(b""),
        "a chunk of 64 bits of length": chunked(b"ffffffffffffffff\r\n" + BODY),
    }, 400, finish=True),
    *rows({
        "a body over the limit": post(PATH, b"", length=LIMIT + 1),
        "10 GB": post(PATH, b"", length=10_000_000_000),
        "a body over the limit that comes": post(PATH, BODY + b" " * LIMIT),
        "a chunk over the limit": chunked(b"%x\r\n" % (LIMIT + 1) + b"x" * (LIMIT + 1)),
        "many chunks over the limit": chunked((b"8000\r\n" + b"x" * 32_768 + b"\r\n") * 33),
        "handles over their limit": post("/recipe/session/remove", b"", length=REMOVE_LIMIT + 1),
    }, 413),
    *rows({
        "a field over the limit": head("GET /hello HTTP/1.1", "X-Long: " + "x" * (HEAD_LIMIT + 1)),
        "fields over the limit": head("GET /hello HTTP/1.1", *(f"X-{n}: {'y' * 1000}" for n in range(18))),
        "a field without an end": head("GET /hello HTTP/1.1")[:-2] + b"X-Long: " + b"x" * 40_000,
        "a name without an end": head("GET /hello HTTP/1.1")[:-2] + b"x" * 40_000,
        "101 fields": head("GET /hello HTTP/1.1", *(f"X-{n}: y" for n in range(FIELDS))),
        "1,000 fields": head("GET /hello HTTP/1.1", *(f"X-{n}: y" for n in range(1000))),
        "cookies of 60,000 bytes": head("GET /hello HTTP/1.1", "Cookie: " + "a=b; " * 12_000),
    }, 431),
    *rows({
        "a target over the limit": head(f"GET /{'a' * TARGET_LIMIT} HTTP/1.1"),
        "a query over the limit": head(f"GET /recipe/session?sessionHandle={'a' * TARGET_LIMIT} HTTP/1.1"),
        "a target without an end": b"GET /" + b"a" * 40_000,
        "an absolute target over the limit": head(f"GET http://localhost/{'a' * TARGET_LIMIT} HTTP/1.1"),
        "a target of 100,000 bytes": head(f"GET /{'a' * 100_000} HTTP/1.1"),
    }, 414),
]

LINES = [
    *rows({name: head(f"GET /hello {version}") for name, version in (
        ("HTTP/2.0", "HTTP/2.0"), ("HTTP/3.7", "HTTP/3.7"), ("HTTP/9.9", "HTTP/9.9"), ("HTTP/2.1", "HTTP/2.1"))}, 505),
    *rows({"the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}, 505, 501, 400),
    *rows({"HTTP/0.9 by name": head("GET /hello HTTP/0.9")}, 505, 400),
    *rows({f"the method {name}": head(f"{name} /hello HTTP/1.1") for name in (
        "BREW", "get", "GETT", "GE", "Post", "X-MINE", "A!#$%&'*+.^_`|~0")}, 501),
    *rows({
        "garbage": b"\x00\x01\x02\xff\xfe\r\n\r\n",
        "a TLS greeting": bytes.fromhex("160301020001000001fc0303") + bytes(64),
        "no version": b"GET /hello\r\n\r\n",
        "no target": b"GET HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "one word": b"GET\r\n\r\n",
        "a method that is no token": head("G(T /hello HTTP/1.1"),
        "a space before the method": head(" GET /hello HTTP/1.1"),
        "a space in the target": head("GET /hel lo HTTP/1.1"),
        "a target without a slash": head("GET hello HTTP/1.1"),
        "a control byte in the target": head("GET /hel\x01lo HTTP/1.1"),
        "a NUL in the target": head("GET /hel\x00lo HTTP/1.1"),
        "a version in small letters": head("GET /hello http/1.1"),
        "a version of three digits": head("GET /hello HTTP/1.11"),
        "a version without a point": head("GET /hello HTTP/11"),
        "another protocol": head("GET /hello ICY/1.0"),
        "text after the version": head("GET /hello HTTP/1.1 x"),
        "a space before the colon": head("GET /hello HTTP/1.1", "X-Odd : y"),
        "a field without a colon": head("GET /hello HTTP/1.1", "X-Odd"),
        "a field without a name": head("GET /hello HTTP/1.1", ": y"),
        "a name with a space": head("GET /hello HTTP/1.1", "X Odd: y"),
        "a name with a slash": head("GET /hello HTTP/1.1", "X/Odd: y"),
        "a name with a byte over 127": head("GET /hello HTTP/1.1", "X-\xf6dd: y"),
        "a NUL in a value": head("GET /hello HTTP/1.1", "X-Odd: a\x00b"),
        "a control byte in a value": head("GET /hello HTTP/1.1", "X-Odd: a\x01b"),
        "a bare CR in a value": head("GET /hello HTTP/1.1", "X-Odd: a\rX-Other: b"),
        "a bare LF after the request line": b"GET /hello HTTP/1.1\nHost: localhost\r\n\r\n",
        "a folded first field": head("GET /hello HTTP/1.1", " Host: localhost", host=None),
    }, 400),
]

GOOD = [
    Row("a body at the limit", post(PATH, BODY[:-1] + b" " * (LIMIT - len(BODY)) + b"}"), (200,)),
    Row("a body in chunks at the limit",
        chunked(b"%x\r\n" % LIMIT + BODY[:-1] + b" " * (LIMIT - len(BODY)) + b"}\r\n0\r\n\r\n"), (200,)),
    Row("handles up to their limit", post("/recipe/session/remove", b'{"sessionHandles":["x"]' + b" " * (4 << 20) + b"}"),
        (200,)),
    Row("a chunk for each byte", chunked(b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"), (200,)),
    Row("a chunk size with zeros and capitals", chunked(b"000%X\r\n%b\r\n00\r\n\r\n" % (len(BODY), BODY)), (200,)),
    Row("a chunk with an extension", chunked(b'%x;a=b;c="d e"\r\n%b\r\n0;last\r\n\r\n' % (len(BODY), BODY)), (200,)),
    Row("chunks with a trailer", chunked(WHOLE + b"0\r\nX-Trailer: y\r\n\r\n"), (200,)),
    Row("Chunked with a capital", coded("Chunked"), (200,)),
    Row("100 fields", head("GET /hello HTTP/1.1", *(f"X-{n}: y" for n in range(FIELDS - 1))), (200,)),
    Row("a head below its limit", head("GET /hello HTTP/1.1", *(f"X-{n}: {'y' * 1000}" for n in range(15))), (200,)),
    Row("a target below its limit", head(f"GET /hello?x={'a' * (TARGET_LIMIT - 100)} HTTP/1.1"), (200,)),
    Row("an empty line before a request", b"\r\n" + head("GET /hello HTTP/1.1"), (200,)),
    Row("a value with bytes over 127", head("GET /hello HTTP/1.1", "X-Odd: \xe4\xf6"), (200,)),
    Row("PROPFIND", head("PROPFIND /hello HTTP/1.1"), (501, 405)),
    Row("M-SEARCH", head("M-SEARCH /hello HTTP/1.1"), (501, 405)),
    Row("two spaces after the method", head("GET  /hello HTTP/1.1"), (400, 200)),
    Row("a bare LF at line ends", head("GET /hello HTTP/1.1").replace(b"\r\n", b"\n"), (400, 200)),
    Row("the same length twice", measured(str(len(BODY)), str(len(BODY))), (400, 200)),
    Row("an empty value", head("GET /hello HTTP/1.1", "X-Odd:"), (200,)),
    Row("a length with spaces around it", measured(f"  {len(BODY)}  "), (200,)),
    Row("a coding with spaces around it", coded("  chunked  "), (200,)),
    Row("a Host with spaces around it", head("GET /hello HTTP/1.1", host=" localhost \t"), (200,)),
    Row("Connection with spaces around it", head("GET /hello HTTP/1.1", "Connection:  close \t"), (200,)),
    Row("a GET with a body", head("GET /hello HTTP/1.1", "Content-Length: 2") + b"{}", (200,)),
    Row("a health check with a body", head("GET /health/live HTTP/1.1", "Content-Length: 2") + b"{}", (200,)),
    Row("a client that ends its direction after a request", post(PATH), (200,), finish=True),
    Row("a value with tabs around it", head("GET /hello HTTP/1.1", "X-Odd:\t y \t"), (200,)),
]
