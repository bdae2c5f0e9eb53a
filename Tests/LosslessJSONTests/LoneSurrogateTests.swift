import LosslessJSON
import TestSupport
import Testing

/// Halves of surrogate pairs, which JSON can carry and UTF-8 cannot.
@Suite("finding D4: halves of surrogate pairs")
struct LoneSurrogateTests {
    /// Documents that come back as they are.
    static let kept = [
        #""\ud83d""#, #""\uD83D""#, #""\ude00""#, #""\uDE00x""#, #""x\ud83dy""#, #""\ud83d\ud83d""#, #""\ude00\ud83d""#,
        #""\ud83d\n""#, #""\ud83dA""#, #""\ud83d\\""#, #""\\ud83d\ud83d""#, #""\ud83d\"\ude00""#, #""é\udbff\u0000""#,
        #""😀\ud83d""#, #""\ud83d😀""#, #""\ud83d\u2028""#, #""\ud800\u001f\udfff""#, #"["\ud83d",{"a":"\ude00"}]"#,
        #"{"\ud83d":1,"\ude00":2,"\ufffd":3}"#.replacing("\\ufffd", with: "\u{FFFD}"),
        #"{"a":{"\ud83d":{"\ud83d":["\ud83d"]}},"b":null}"#,
    ]

    @Test("finding D4: they are returned as they were sent, in values and in names", arguments: kept)
    func roundTrip(_ document: String) throws {
        let value = try JSONValue(parsing: document)
        #expect(value.text == document)
        #expect(try JSONValue(parsing: value.serialized()) == value)
        #expect(value.isEquivalent(to: value))
        let nested = try JSONValue(parsing: "[{\"k\":\(document)}]")
        #expect(nested.text == "[{\"k\":\(document)}]")
        let stored = JSONObjectText(stored: "{\"k\":\(document)}")
        #expect(try stored.decoded().text == stored.text)
    }

    @Test("a pair in escapes is a whole character")
    func pairs() throws {
        #expect(try JSONValue(parsing: #""\ud83d\ude00\ud83d\uDE00""#) == "😀😀")
        #expect(try JSONValue(parsing: #""\ud83d\ud83d\ude00""#).text == "\"\\ud83d😀\"")
        #expect(try JSONValue(parsing: #""\ud83d\u0041""#).text == #""\ud83dA""#)
    }

    @Test("a string with one is no text, and can be read by people")
    func noText() throws {
        let value = try JSONValue(parsing: #""a\ud83d\\ud83d\n""#)
        #expect(value.string == nil)
        guard case .loneSurrogates(let text) = value else {
            Issue.record("\(value)")
            return
        }
        #expect(text.repaired == "a\u{FFFD}\\ud83d\n" && text.written == #"a\ud83d\\ud83d\n"#)
    }

    @Test("finding D4: a name is another name than its repaired form, and the same in both cases of its digits")
    func names() throws {
        var object = try #require(try JSONValue(parsing: "{\"\\ud83d\":1,\"\u{FFFD}\":2}").object)
        #expect(object.names == ["\u{FFFD}", "\u{FFFD}"] && object["\u{FFFD}"] == 2)
        object["\u{FFFD}"] = nil
        #expect(object.text == #"{"\ud83d":1}"#)
        for twice in [#"{"\ud83d":1,"\uD83D":2}"#, #"{"\ud83d":1,"\ud83d":2}"#] {
            #expect(throws: JSONError.self) { try JSONValue(parsing: twice) }
        }
        let many = (0..<40).map { "\"k\($0)\":0" }.joined(separator: ",")
        #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"\ud83d":1,\#(many),"\uD83D":2}"#) }
        let large = try #require(try JSONValue(parsing: #"{"\ud83d":1,\#(many)}"#).object)
        let change = try #require(try JSONValue(parsing: #"{"\uD83D":2,"k1":null}"#).object)
        #expect(large.merging(change).text.hasPrefix(#"{"\ud83d":2,"k0":0,"k2":0,"#))
        let lower = try JSONValue(parsing: #"{"\ud83d":"\ud83d"}"#)
        let upper = try JSONValue(parsing: #"{"\uD83D":"\uD83D"}"#)
        #expect(lower != upper && lower.isEquivalent(to: upper))
    }

    @Test("a megabyte of them costs no more than its length")
    func linear() throws {
        let document = "\"" + String(repeating: #"\ud83d"#, count: 170_000) + "\""
        #expect(try JSONValue(parsing: document).text == document)
    }
}
