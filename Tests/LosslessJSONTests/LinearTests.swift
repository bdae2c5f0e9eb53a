import LosslessJSON
import TestSupport
import Testing

/// Something that is done with an object, and what is needed for it.
struct ObjectWork: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let prepare: @Sendable (Int) -> @Sendable () -> Bool

    init(_ name: String, _ prepare: @escaping @Sendable (Int) -> @Sendable () -> Bool) {
        testDescription = name
        self.prepare = prepare
    }

    static let all = [
        ObjectWork("made of members") { n in
            let members = members(n)
            return { JSONObject(members).count == n }
        },
        ObjectWork("made of members that all come twice") { n in
            let members = members(n) + members(n)
            return { JSONObject(members).count == n }
        },
        ObjectWork("filled name by name, read and set again") { n in
            let names = members(n).map(\.name)
            return {
                var object = JSONObject()
                for name in names { object[name] = 1 }
                for name in names { object[name] = object[name] == 1 ? 2 : 3 }
                return object.members.allSatisfy { $0.value == 2 }
            }
        },
        ObjectWork("asked for names that it does not have, while it grows") { n in
            let names = members(n).map(\.name)
            return {
                var object = JSONObject()
                for name in names {
                    object[name + "?"] = nil
                    object.append(name, 1)
                    object["last"] = .string(name)
                }
                return object.count == n + 1
            }
        },
        ObjectWork("merged") { n in
            let (old, new) = (JSONObject(members(n)), JSONObject(members(2 * n).dropFirst(n)))
            return { old.merging(new).count == 2 * n }
        },
        ObjectWork("merged with nulls") { n in
            let old = JSONObject(uniqueMembers: members(n))
            let nulls = JSONObject(members(2 * n).map { JSONObject.Member(name: $0.name, value: .null) })
            return { old.merging(nulls).isEmpty }
        },
        ObjectWork("of the same meaning in the opposite order") { n in
            let (one, other) = (JSONObject(members(n)), JSONObject(members(n).reversed()))
            return { one.isEquivalent(to: other) && one != other }
        },
        ObjectWork("equal") { n in
            let (one, other) = (JSONObject(members(n)), JSONObject(members(n)))
            return { one == other && one.hashValue == other.hashValue }
        },
        ObjectWork("parsed and written") { n in
            let bytes = JSONObject(members(n)).serialized()
            return { (try? JSONValue(parsing: bytes))?.serialized() == bytes }
        },
        ObjectWork("refused for a name that comes twice") { n in
            let text = String(JSONObject(members(n)).text.dropLast()) + ",\"k0\":1}"
            return { (try? JSONValue(parsing: text)) == nil }
        },
        ObjectWork("as a stored text") { n in
            let (one, other) = (
                JSONObjectText(JSONObject(members(n))), JSONObjectText(JSONObject(members(n).reversed()))
            )
            return { one.isEquivalent(to: other) && one != other }
        },
    ]

    private static func members(_ n: Int) -> [JSONObject.Member] {
        (0..<n).map { JSONObject.Member(name: "k\($0)", value: .integer($0)) }
    }
}

@Suite("finding W1: what is done with objects costs no more than their length", .serialized)
struct LinearTests {
    @Test("an object of eight times as many members", arguments: ObjectWork.all)
    func members(work: ObjectWork) {
        let (few, many) = (work.prepare(2_500), work.prepare(20_000))
        #expect(few() && many())
        let (short, long) = (leastCPUTime { _ = few() }, leastCPUTime { _ = many() })
        #expect(long / short < linearLimit, "\(work.testDescription): \(short), then \(long)")
    }

    @Test("deep objects that differ only in their order and at the bottom are compared once")
    func depth() throws {
        func nested(_ leaf: Int, isTurned: Bool) throws -> JSONValue {
            let (open, close) = isTurned ? ("{\"b\":0,\"a\":", "}") : ("{\"a\":", ",\"b\":0}")
            let text = String(repeating: open, count: 60) + "\(leaf)" + String(repeating: close, count: 60)
            return try JSONValue(parsing: text)
        }
        let one = try nested(1, isTurned: false)
        #expect(try one.isEquivalent(to: nested(1, isTurned: true)))
        #expect(try !one.isEquivalent(to: nested(2, isTurned: true)))
        #expect(try !one.isEquivalent(to: nested(2, isTurned: false)))
    }

    @Test("large objects keep the rules of small ones", arguments: [15, 16, 17, 18, 40])
    func rules(count: Int) throws {
        var object = JSONObject()
        for number in 0..<count { object["k\(number)"] = .integer(number) }
        object["k1"] = "one"
        object["k0"] = nil
        object["new"] = true
        object["k2"] = nil
        object["k3"] = nil
        object["k3"] = "three"
        object["caf\u{E9}"] = 1
        object["cafe\u{301}"] = 2
        let rest = (4..<count).map { ",\"k\($0)\":\($0)" }.joined()
        let end = ",\"new\":true,\"k3\":\"three\",\"caf\u{E9}\":1,\"cafe\u{301}\":2"
        #expect(object.text.utf8.elementsEqual("{\"k1\":\"one\"\(rest)\(end)}".utf8))
        #expect(object["k1"] == "one" && object["k0"] == nil && object["cafe\u{301}"] == 2)
        let merged = object.merging(["k1": .null, "zero": .null, "k4": "four", "k0": [:]])
        #expect(merged["k1"] == nil && merged["zero"] == nil && merged["k4"] == "four")
        #expect(merged.names.first == "k4" && merged.names.last == "k0" && merged.count == object.count)
    }
}
