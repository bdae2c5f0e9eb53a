import LosslessJSON
import Testing

@Suite("What is a JSON document (RFC 8259)")
struct ParserTests {
    static let accepted: [(String, String)] = [
        ("null", "null"), (" \t\r\n true \n", "true"), ("false", "false"), ("0", "0"), ("-0", "-0"), ("-1", "-1"),
        ("\"\"", "\"\""), ("[]", "[]"), ("[ ]", "[]"), ("{}", "{}"), ("{ }", "{}"), ("[1 , 2]", "[1,2]"),
        ("{ \"b\" : 1 , \"a\" : null }", "{\"b\":1,\"a\":null}"), ("[[],{},[{}]]", "[[],{},[{}]]"),
        ("{\"\":\"\"}", "{\"\":\"\"}"), ("{\"a\":{\"a\":{\"a\":1}}}", "{\"a\":{\"a\":{\"a\":1}}}"),
        ("[null,null]", "[null,null]"), ("\"a/b\"", "\"a/b\""), ("\"\\/\"", "\"/\""),
        ("\"\\\"\\\\\\b\\f\\n\\r\\t\"", "\"\\\"\\\\\\b\\f\\n\\r\\t\""), ("\"\\u0041\\u00e9\"", "\"Aé\""),
        ("\"\\u00E9\"", "\"é\""), ("\"\\ud83d\\ude00\"", "\"😀\""), ("\"\\uD83D\\uDE00\"", "\"😀\""),
        ("\"😀é日本\"", "\"😀é日本\""), ("\"\\u0000\"", "\"\\u0000\""), ("\"\\u001f\"", "\"\\u001f\""),
        ("\"\u{7F}\"", "\"\u{7F}\""), ("\"\\u2028\\u2029\"", "\"\\u2028\\u2029\""),
        ("\"\u{2028}\u{2029}\"", "\"\\u2028\\u2029\""), ("\"<>&='\"", "\"<>&='\""), ("\"\\uFFFF\"", "\"\u{FFFF}\""),
        ("\"\u{2027}\u{202A}â\"", "\"\u{2027}\u{202A}â\""),
    ]

    @Test("These are, and this is how they are written again", arguments: accepted)
    func accepts(_ text: String, _ written: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(value.text.utf8.elementsEqual(written.utf8), "\(value.text)")
        #expect(value.serialized() == Array(written.utf8))
    }

    static let refused: [(String, JSONError.Reason)] = [
        ("", .unexpectedEnd), (" ", .unexpectedEnd), ("[", .unexpectedEnd), ("{", .unexpectedEnd),
        ("[1", .unexpectedEnd),
        ("[1,", .unexpectedEnd), ("{\"a\"", .unexpectedEnd), ("{\"a\":", .unexpectedEnd), ("{\"a\":1", .unexpectedEnd),
        ("{\"a\":1,", .unexpectedEnd), ("\"", .unexpectedEnd), ("\"a", .unexpectedEnd), ("\"\\", .unexpectedEnd),
        ("\"\\n", .unexpectedEnd), ("]", .unexpectedCharacter), ("}", .unexpectedCharacter),
        ("[1,]", .unexpectedCharacter),
        ("[,1]", .unexpectedCharacter), ("[1 2]", .unexpectedCharacter), ("[1}", .unexpectedCharacter),
        ("{\"a\":1,}", .unexpectedCharacter), ("{,}", .unexpectedCharacter), ("{\"a\" 1}", .unexpectedCharacter),
        ("{a:1}", .unexpectedCharacter), ("{'a':1}", .unexpectedCharacter), ("{1:1}", .unexpectedCharacter),
        ("{\"a\":}", .unexpectedCharacter), ("{\"a\"=1}", .unexpectedCharacter), ("'a'", .unexpectedCharacter),
        ("1 2", .unexpectedCharacter), ("nullx", .unexpectedCharacter), ("nul", .unexpectedCharacter),
        ("NULL", .unexpectedCharacter), ("True", .unexpectedCharacter), ("undefined", .unexpectedCharacter),
        ("NaN", .unexpectedCharacter), ("Infinity", .unexpectedCharacter), ("// x\n1", .unexpectedCharacter),
        ("1 /* x */", .unexpectedCharacter), ("# x\n1", .unexpectedCharacter), ("\u{0}", .unexpectedCharacter),
        ("1\u{0}", .unexpectedCharacter), ("\u{FEFF}1", .unexpectedCharacter), ("\u{A0}1", .unexpectedCharacter),
        ("\u{2028}1", .unexpectedCharacter), ("\u{B}1", .unexpectedCharacter), ("\u{C}1", .unexpectedCharacter),
        ("\"\n\"", .invalidString), ("\"\u{0}\"", .invalidString), ("\"\u{1F}\"", .invalidString),
        ("\"\t\"", .invalidString),
        ("\"\\n\t\"", .invalidString), ("\"\\x41\"", .invalidString), ("\"\\a\"", .invalidString),
        ("\"\\'\"", .invalidString), ("\"\\U0041\"", .invalidString), ("\"\\u\"", .invalidString),
        ("\"\\u004\"", .invalidString), ("\"\\u00g1\"", .invalidString), ("\"\\u+041\"", .invalidString),
        ("\"\\u{41}\"", .invalidString), ("\"\\ud83\"", .invalidString), ("\"\\ude0x\"", .invalidString),
        ("\"\\ud83d\\x\"", .invalidString), ("\"\\ud83d\\u\"", .invalidString), ("\"\\ud83d\\ude0\"", .invalidString),
        ("\"\\ud83d\u{1}\"", .invalidString),
    ]

    @Test("These are not, each for its reason", arguments: refused)
    func refuses(_ text: String, _ reason: JSONError.Reason) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.reason == reason, "\(String(describing: error))")
        #expect((0...text.utf8.count).contains(error?.offset ?? -1))
    }

    @Test(
        "Bytes that are not UTF-8 are refused, in names as in values",
        arguments: [
            [0xFF], [0xFE], [0x80], [0xC3], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
            [0xE2, 0x82], [0xF0, 0x9F, 0x98],
        ] as [[UInt8]])
    func notUTF8(_ bytes: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        let documents = [
            [quote] + bytes + [quote], [quote] + Array("\\n".utf8) + bytes + [quote],
            Array("{\"".utf8) + bytes + Array("\":1}".utf8),
        ]
        for document in documents {
            let error = #expect(throws: JSONError.self) { try JSONValue(parsing: document) }
            #expect(error?.reason == .invalidUTF8)
        }
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
    }

    @Test("Documents in other encodings are refused")
    func otherEncodings() {
        let text = "{\"a\":1}"
        let utf16: [UInt8] = text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let utf32: [UInt8] = text.unicodeScalars.flatMap { [UInt8(truncatingIfNeeded: $0.value), 0, 0, 0] }
        for bytes in [utf16, [0xFF, 0xFE] + utf16, utf32, [0xEF, 0xBB, 0xBF] + Array(text.utf8)] {
            #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
        }
    }

    @Test("An error quotes nothing of the document")
    func errorText() {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: "{\"secret\": oops}") }
        #expect(error?.description == "unexpected character at byte 11")
    }
}
