import LosslessJSON
import TestSupport
import Testing

@Suite("Properties of parser and printer")
struct JSONProperties {
    @Test(
        "finding D4: a printed value parses to itself, and its text is a fixed point",
        arguments: 0..<200 as Range<UInt64>)
    func roundTrip(_ seed: UInt64) throws {
        var json = RandomJSON(seed: seed)
        for _ in 0..<10 {
            let value = try json.value()
            let bytes = value.serialized()
            let parsed = try JSONValue(parsing: bytes)
            #expect(parsed == value, "seed \(seed): \(value.text)")
            #expect(parsed.isEquivalent(to: value), "seed \(seed): \(value.text)")
            #expect(parsed.serialized() == bytes, "seed \(seed): \(value.text)")
        }
    }

    @Test("Output holds no raw control character, U+2028 or U+2029", arguments: 0..<50 as Range<UInt64>)
    func output(_ seed: UInt64) throws {
        var json = RandomJSON(seed: seed)
        for scalar in try json.value().text.unicodeScalars {
            #expect(scalar.value >= 0x20 && scalar.value != 0x2028 && scalar.value != 0x2029, "seed \(seed)")
        }
    }

    @Test("Meaning does not depend on the order of members", arguments: 0..<100 as Range<UInt64>)
    func order(_ seed: UInt64) throws {
        var json = RandomJSON(seed: seed)
        let value = try json.value()
        #expect(value.isEquivalent(to: reversed(value)), "seed \(seed): \(value.text)")
    }

    private func reversed(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let object):
            .object(
                JSONObject(
                    object.members.reversed().map { member in
                        var member = member
                        member.value = reversed(member.value)
                        return member
                    }))
        case .array(let elements): .array(elements.map(reversed))
        default: value
        }
    }

    @Test("No damaged document traps, and whatever parses prints to a fixed point", arguments: 0..<200 as Range<UInt64>)
    func damage(_ seed: UInt64) throws {
        var json = RandomJSON(seed: seed)
        for _ in 0..<100 {
            let document = json.damaged(try json.value().serialized())
            expectFixedPoint(document, seed)
        }
    }

    @Test("No random bytes trap", arguments: 0..<200 as Range<UInt64>)
    func randomBytes(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let alphabet = Array("{}[]\":,\\u0123456789abcdefnulltrue-+.eE \n\u{E9}".utf8)
        for _ in 0..<100 {
            let count = Int.random(in: 0...40, using: &random)
            let document = (0..<count).map { _ in
                random.chance(percent: 90)
                    ? alphabet.randomElement(using: &random) ?? 0 : UInt8.random(in: .min ... .max, using: &random)
            }
            expectFixedPoint(document, seed)
        }
    }

    private func expectFixedPoint(_ document: [UInt8], _ seed: UInt64) {
        guard let value = try? JSONValue(parsing: document) else { return }
        let printed = value.serialized()
        let again = try? JSONValue(parsing: printed)
        #expect(again == value, "seed \(seed): \(document)")
        #expect(again?.serialized() == printed, "seed \(seed): \(document)")
    }
}
