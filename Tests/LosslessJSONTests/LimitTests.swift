import LosslessJSON
import Testing

@Suite("What a document may cost (H04)")
struct LimitTests {
    private func nested(_ depth: Int, _ open: String, _ close: String, inner: String = "") -> String {
        String(repeating: open, count: depth) + inner + String(repeating: close, count: depth)
    }

    @Test(
        "64 levels are read and 65 are not",
        arguments: [("[", "]", ""), ("{\"a\":", "}", "1"), ("[{\"a\":", "}]", "1")])
    func depth(_ open: String, _ close: String, _ inner: String) throws {
        let levels = open.contains("[{") ? 2 : 1
        let text = nested(64 / levels, open, close, inner: inner)
        #expect(try JSONValue(parsing: text).text == text)
        let deeper = "[\(text)]"
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: deeper) }
        #expect(error?.reason == .tooDeep)
    }

    @Test("Levels beside each other do not add up")
    func breadth() throws {
        let text = "[" + Array(repeating: nested(63, "[", "]"), count: 50).joined(separator: ",") + "]"
        #expect(try JSONValue(parsing: text).text == text)
    }

    @Test("A million brackets are refused without a trap", arguments: ["[", "{\"a\":", "[{\"a\":["])
    func veryDeep(_ open: String) {
        let text = String(repeating: open, count: 1_000_000 / open.utf8.count)
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.reason == .tooDeep)
    }

    @Test("A document of the limit is read and one byte more is not")
    func size() throws {
        let limits = JSONLimits(bytes: 10)
        #expect(try JSONValue(parsing: "\"12345678\"", limits: limits) == "12345678")
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: "\"123456789\"", limits: limits) }
        #expect(error?.reason == .tooLong && error?.offset == 10)
        #expect(throws: JSONError.self) { try JSONValue(parsing: "\"12345678\" ", limits: limits) }
    }

    @Test("By default a document of 1 MiB is read and a longer one is not")
    func defaultSize() throws {
        let text = "\"" + String(repeating: "x", count: (1 << 20) - 2) + "\""
        #expect(try JSONValue(parsing: text).string?.utf8.count == (1 << 20) - 2)
        #expect(throws: JSONError.self) { try JSONValue(parsing: text + " ") }
    }

    @Test("A number of 256 characters is read and a longer one is not")
    func numberLength() throws {
        let digits = String(repeating: "9", count: 256)
        #expect(try JSONValue(parsing: digits).text == digits)
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: digits + "9") }
        #expect(error?.reason == .invalidNumber)
    }

    @Test("Many members cost no more than their number")
    func manyMembers() throws {
        let text = "{" + (0..<50_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + "}"
        let object = try #require(try JSONValue(parsing: text).object)
        #expect(object.count == 50_000)
        #expect(object.text == text)
    }
}
