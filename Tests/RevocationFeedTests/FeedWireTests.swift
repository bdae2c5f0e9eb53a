import Foundations
import LosslessJSON
import TestSupport
import Testing

@testable import RevocationFeed

@Suite("Wire of the feed of ended sessions")
struct FeedWireTests {
    static let example = """
        {"status":"OK","stream":"7f3a9c01d2e4b655","reset":false,"more":false,"age":120,"next":"7f-1843","entries":[\
        {"k":"s","v":"qMrRdZkTPNl2Qe7iAGbsYA","t":1764282000871,"u":1764285660871},\
        {"k":"u","v":"K9gGyX8OAK8aH8Myj6djqQ","t":1764282001004,"u":1764285661004},\
        {"k":"u","v":"K9gGyX8OAK8aH8Myj6djqQ","n":"qMrRdZkTPNl2Qe7iAGbsYA","t":1764282001004,"u":1764285661004},\
        {"k":"k","v":"d-1764282000000","t":1764282001004}]}
        """

    @Test("a digest is the first half of SHA-256, in base64url")
    func digests() throws {
        let session = RevocationDigest(of: "0b6fd6e4-9cfe-4b4a-9a1b-3b1b7f3e4c11")
        #expect(session.text == "qMrRdZkTPNl2Qe7iAGbsYA")
        #expect(session.bytes == Hex.decode("a8cad17599133cd97641eee20066ec60"))
        #expect(RevocationDigest(of: "alice").text == "K9gGyX8OAK8aH8Myj6djqQ")
        #expect(RevocationDigest(text: session.text) == session && RevocationDigest(bytes: session.bytes) == session)
        for text in ["", "qMrRdZkTPNl2Qe7iAGbsY", "qMrRdZkTPNl2Qe7iAGbsYB", "qMrRdZkTPNl2Qe7iAGbsYA==", "é"] {
            #expect(RevocationDigest(text: text) == nil)
        }
        #expect(RevocationDigest(bytes: []) == nil)
        #expect(RevocationDigest(high: 1, low: 0) < RevocationDigest(high: 1, low: 1))
        #expect(RevocationDigest(high: 1, low: 9) < RevocationDigest(high: 2, low: 1))
    }

    @Test("the example is read, and written alike")
    func example() throws {
        let page = try FeedPage(parsing: Array(Self.example.utf8))
        let (alice, session) = (
            RevocationDigest(of: "alice"), RevocationDigest(of: "0b6fd6e4-9cfe-4b4a-9a1b-3b1b7f3e4c11")
        )
        let (time, until) = (Timestamp(milliseconds: 1_764_282_001_004), Timestamp(milliseconds: 1_764_285_661_004))
        #expect(
            page
                == FeedPage(
                    stream: "7f3a9c01d2e4b655", age: Milliseconds(120), next: "7f-1843",
                    entries: [
                        .session(
                            session, at: Timestamp(milliseconds: 1_764_282_000_871),
                            until: Timestamp(milliseconds: 1_764_285_660_871)),
                        .user(alice, tenant: nil, at: time, until: until),
                        .user(alice, tenant: session, at: time, until: until), .key("d-1764282000000", at: time),
                    ]))
        #expect(page.object.serialized() == Array(Self.example.utf8))
    }

    @Test("entries of unknown kinds and unknown members are passed over")
    func unknown() throws {
        let text = Self.example.replacing(#"{"k":"s","#, with: #"{"k":"z","v":[1]},{"k":"s","later":{},"#)
        #expect(try FeedPage(parsing: Array(text.utf8)) == FeedPage(parsing: Array(Self.example.utf8)))
    }

    @Test(
        "an answer that cannot be read is none",
        arguments: [
            (#""status":"OK""#, #""status":"NO""#), (#""age":120"#, #""age":-1"#), (#""age":120"#, #""age":1.5"#),
            (#""age":120"#, #""age":9223372036854775808"#), (#""age":120"#, #""age":"120""#),
            (#""more":false"#, #""more":0"#),
            (#""reset":false"#, #""reset":null"#), (#""next":"7f-1843""#, #""next":"""#),
            (#""next":"7f-1843""#, #""next":"a b""#), (#""next":"7f-1843""#, #""next":7"#),
            (#""next":"7f-1843""#, #""next":"é""#), (#""stream":"7f3a9c01d2e4b655""#, #""stream":"""#),
            (#""t":1764282000871"#, #""t":1e3"#), (#""t":1764282000871"#, #""t":-5"#),
            (#""u":1764285660871"#, #""u":"1""#),
            (#""u":1764285660871"#, #""w":1764285660871"#), (#""v":"qMrRdZkTPNl2Qe7iAGbsYA","t""#, #""v":"qMrR","t""#),
            (#""v":"qMrRdZkTPNl2Qe7iAGbsYA","t""#, #""v":{},"t""#), (#""n":"qMrRdZkTPNl2Qe7iAGbsYA""#, #""n":null"#),
            (#""n":"qMrRdZkTPNl2Qe7iAGbsYA""#, #""n":"public""#), (#""v":"d-1764282000000""#, #""v":"""#),
            (#"{"k":"k","#, #"{"k":7,"#), (#"{"k":"k","#, #"{"#), (#""entries":["#, #""entries":[null,"#),
            (#""entries":["#, #""x":["#), ("]}", "]"),
        ])
    func unreadable(before: String, after: String) {
        let text = Self.example.replacing(before, with: after)
        #expect(text != Self.example)
        #expect(throws: FeedProblem.self) { try FeedPage(parsing: Array(text.utf8)) }
    }

    @Test("an answer that is large is none, and no input traps")
    func large() throws {
        var page = FeedPage(stream: "s", age: Milliseconds(0), next: "c")
        let entry = FeedEntry.session(
            RevocationDigest(of: ""), at: Timestamp(milliseconds: 0), until: Timestamp(milliseconds: .max))
        page.entries = Array(repeating: entry, count: FeedPage.longest)
        #expect(try FeedPage(parsing: page.object.serialized()) == page)
        page.entries.append(entry)
        #expect(throws: FeedProblem.tooManyEntries) { try FeedPage(page.object) }
        page.entries = []
        page.next = String(repeating: "x", count: FeedPage.longestCursor)
        #expect(try FeedPage(page.object) == page)
        for length in [FeedPage.longestCursor + 1, 1_000_000] {
            page.next = String(repeating: "x", count: length)
            #expect(throws: FeedProblem.unreadable("next")) { try FeedPage(page.object) }
        }
        let key = FeedEntry.key(
            String(repeating: "k", count: FeedEntry.longestKeyID + 1), at: Timestamp(milliseconds: 0))
        #expect(throws: FeedProblem.self) { try FeedEntry.read(.object(key.object)) }
        #expect(throws: FeedProblem.unreadable("the answer")) {
            try FeedPage(parsing: Array(repeating: UInt8(ascii: "["), count: FeedPage.sizeLimit))
        }
    }
}
