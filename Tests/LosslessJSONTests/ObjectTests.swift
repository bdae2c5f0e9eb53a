import Testing

@testable import LosslessJSON

@Suite("Objects keep what was written")
struct ObjectTests {
    @Test("Members keep their order, also null ones")
    func order() throws {
        let text = "{\"z\":null,\"a\":1,\"m\":[null],\"\":false,\"Z\":2,\"1\":3}"
        let object = try #require(try JSONValue(parsing: text).object)
        #expect(object.names == ["z", "a", "m", "", "Z", "1"])
        #expect(object.text == text)
        #expect(object["z"] == .null && object["missing"] == nil)
    }

    @Test(
        "Two members of one name are refused, however it is spelled",
        arguments: [
            "{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":1,\"\\u0061\":2}", "{\"\":1,\"\":2}",
            "{\"é\":1,\"\\u00e9\":2}", "{\"x\":{\"a\":1,\"a\":2}}", "[{\"a\":1,\"a\":2}]", "{\"/\":1,\"\\/\":2}",
        ])
    func duplicates(_ text: String) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.reason == .duplicateName)
    }

    @Test("A duplicate among many members is found", arguments: [2, 3, 12, 13, 14, 100, 1_000])
    func manyDuplicates(_ count: Int) throws {
        let members = (0..<count).map { "\"k\($0)\":1" }
        #expect(try JSONValue(parsing: "{\(members.joined(separator: ","))}").object?.count == count)
        for index in [0, count / 2, count - 1] {
            let text = "{\(members.joined(separator: ",")),\"k\(index)\":1}"
            let error = #expect(throws: JSONError.self, "k\(index) of \(count)") { try JSONValue(parsing: text) }
            #expect(error?.reason == .duplicateName)
        }
    }

    @Test("Names that Swift calls equal and JSON does not are both kept", arguments: [0, 20])
    func canonicalEquivalence(_ others: Int) throws {
        let more = (0..<others).map { ",\"k\($0)\":0" }.joined()
        let text = "{\"caf\u{E9}\":1,\"cafe\u{301}\":2,\"K\":3,\"\u{212A}\":4\(more)}"
        var object = try #require(try JSONValue(parsing: text).object)
        #expect(object.count == 4 + others)
        #expect(object["caf\u{E9}"] == 1 && object["cafe\u{301}"] == 2)
        #expect(object["K"] == 3 && object["\u{212A}"] == 4)
        #expect(object.text.utf8.elementsEqual(text.utf8))
        object["cafe\u{301}"] = nil
        #expect(object["caf\u{E9}"] == 1 && object["cafe\u{301}"] == nil)
    }

    @Test("Setting replaces in place, appends, or removes")
    func subscripts() {
        var object: JSONObject = ["a": 1, "b": 2]
        object["a"] = "x"
        object["c"] = nil
        object["d"] = .null
        #expect(object.text == "{\"a\":\"x\",\"b\":2,\"d\":null}")
        object["b"] = nil
        #expect(object.names == ["a", "d"] && object.count == 2 && !object.isEmpty)
        let members = [("a", 1), ("b", 2), ("a", 3)].map { JSONObject.Member(name: $0.0, value: .integer($0.1)) }
        #expect(JSONObject(members).text == "{\"a\":3,\"b\":2}")
    }

    static let same = [
        ("{}", "{}"), ("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}"), ("{\"a\":1.0}", "{\"a\":1}"), ("[1e2]", "[100]"),
        ("{\"a\":{\"x\":[1,{\"y\":null}],\"z\":0}}", "{\"a\":{\"z\":-0,\"x\":[1.0,{\"y\":null}]}}"),
        ("\"\\u0041\"", "\"A\""), ("null", "null"), ("[true,false]", "[true,false]"),
    ]

    @Test("These mean the same", arguments: same)
    func meansTheSame(_ left: String, _ right: String) throws {
        let (first, second) = (try JSONValue(parsing: left), try JSONValue(parsing: right))
        #expect(first.isEquivalent(to: second) && second.isEquivalent(to: first))
    }

    static let different = [
        ("{}", "[]"), ("{}", "null"), ("{\"a\":1}", "{}"), ("{\"a\":null}", "{}"), ("{\"a\":1}", "{\"b\":1}"),
        ("{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}"), ("{\"a\":1,\"b\":1}", "{\"a\":1,\"c\":1}"), ("[1,2]", "[2,1]"),
        ("[1]", "[1,1]"), ("[]", "[null]"), ("1", "\"1\""), ("true", "\"true\""), ("0", "false"), ("1", "true"),
        ("\"\"", "null"), ("\"a\"", "\"A\""), ("\"caf\u{E9}\"", "\"cafe\u{301}\""), ("true", "false"),
        ("{\"caf\u{E9}\":1}", "{\"cafe\u{301}\":1}"), ("{\"K\":1}", "{\"\u{212A}\":1}"), ("1", "2"), ("0.1", "0.01"),
    ]

    @Test("These do not", arguments: different)
    func meansSomethingElse(_ left: String, _ right: String) throws {
        let (first, second) = (try JSONValue(parsing: left), try JSONValue(parsing: right))
        #expect(!first.isEquivalent(to: second) && !second.isEquivalent(to: first))
    }

    @Test("A stored text is looked at only when it is decoded")
    func objectText() throws {
        let object: JSONObject = ["b": 1, "a": nil]
        let text = JSONObjectText(object)
        #expect(text.text == "{\"b\":1,\"a\":null}")
        #expect(try text.decoded() == object)
        for damaged in ["", "[]", "null", "{\"a\":}", "1"] {
            #expect(throws: JSONError.self) { try JSONObjectText(stored: damaged).decoded() }
            #expect(!JSONObjectText(stored: damaged).isEquivalent(to: text))
            #expect(JSONObjectText(stored: damaged).isEquivalent(to: JSONObjectText(stored: damaged)))
        }
        #expect(text.isEquivalent(to: JSONObjectText(stored: "{ \"a\": null, \"b\": 1.0 }")))
        #expect(text != JSONObjectText(stored: "{\"a\":null,\"b\":1}"))
        #expect(JSONObjectText(stored: "\u{E9}") != JSONObjectText(stored: "e\u{301}"))
    }

    @Test("A stored payload larger than a request may be is still read")
    func largeStored() throws {
        let text = "{\"k\":\"" + String(repeating: "x", count: 2 << 20) + "\"}"
        #expect(try JSONObjectText(stored: text).decoded().text == text)
    }

    @Test("Each accessor answers for its own kind only")
    func accessors() {
        let values: [JSONValue] = [.null, true, 1, "s", [1], ["a": 1]]
        for (index, value) in values.enumerated() {
            let found = [
                value.isNull, value.bool != nil, value.number != nil, value.string != nil, value.array != nil,
                value.object != nil,
            ]
            #expect(found == values.indices.map { $0 == index }, "\(value)")
        }
    }

    @Test("Values of canonically equivalent texts are not equal")
    func exactEquality() {
        #expect("caf\u{E9}" as JSONValue != "cafe\u{301}")
        #expect(["caf\u{E9}": 1] as JSONValue != ["cafe\u{301}": 1])
        #expect(["caf\u{E9}": [1, nil]] as JSONValue == ["caf\u{E9}": [1, nil]])
    }
}
