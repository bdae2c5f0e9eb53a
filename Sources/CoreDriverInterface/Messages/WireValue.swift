import Foundations
package import LosslessJSON
package import SessionEngine

/// What a request says in one field.
package enum FieldValue: Sendable {
    /// A member of its body.
    case member(JSONValue)
    /// A parameter of its query, decoded.
    case parameter(String)

    /// The mistake of a value that is of another type than the field's.
    func isWrong(in name: String) -> InvalidRequest {
        switch self {
        case .member(.loneSurrogates): InvalidRequest(.loneSurrogate(name))
        case .member(.array(let elements)) where elements.contains { $0.isLoneSurrogates }:
            InvalidRequest(.loneSurrogate(name))
        case .member: InvalidRequest(.invalidField(name))
        case .parameter: InvalidRequest(.notALong(name))
        }
    }
}

/// A type that a field of a message can have: what it is called in a schema, and how it is read and written.
package protocol WireValue: Sendable {
    /// The type as the interface describes it.
    static var wireType: WireType { get }

    /// Reads a value; `nil` when it is of another type, which an explicit `null` is too (docs/specification/core.md 1.0).
    static func parse(_ value: FieldValue) -> Self?

    /// Reads the value of a field.
    ///
    /// - Throws: ``InvalidRequest`` with the text of the cores when it is of another type.
    static func read(_ value: FieldValue, of name: String) throws(InvalidRequest) -> Self

    /// The value as JSON.
    var wire: JSONValue { get }
}

extension WireValue {
    package static func read(_ value: FieldValue, of name: String) throws(InvalidRequest) -> Self {
        guard let read = parse(value) else { throw value.isWrong(in: name) }
        return read
    }
}

extension String: WireValue {
    package static var wireType: WireType { .string }
    package static func parse(_ value: FieldValue) -> String? {
        switch value {
        case .member(let json): json.string
        case .parameter(let text): text
        }
    }
    /// A text that a storage may be asked for or may have to keep: none has U+0000 in it.
    package static func read(_ value: FieldValue, of name: String) throws(InvalidRequest) -> String {
        guard let text = parse(value) else { throw value.isWrong(in: name) }
        guard !text.utf8.contains(0) else { throw InvalidRequest(.zeroCharacter(name)) }
        return text
    }
    package var wire: JSONValue { .string(self) }
}

extension Bool: WireValue {
    package static var wireType: WireType { .boolean }
    /// Bare in a body; in a query `true` case-insensitively, and anything else is `false`.
    package static func parse(_ value: FieldValue) -> Bool? {
        switch value {
        case .member(let json): json.bool
        case .parameter(let text): text.lowercased() == "true"
        }
    }
    package var wire: JSONValue { .bool(self) }
}

extension Int64: WireValue {
    package static var wireType: WireType { .long }
    /// Without its fraction in a body; an integer in a query.
    package static func parse(_ value: FieldValue) -> Int64? {
        switch value {
        case .member(let json): json.long
        case .parameter(let text): Int64(text)
        }
    }
    package var wire: JSONValue { .integer(self) }
}

extension JSONObject: WireValue {
    package static var wireType: WireType { .object }
    package static func parse(_ value: FieldValue) -> JSONObject? {
        if case .member(let json) = value { json.object } else { nil }
    }
    package var wire: JSONValue { .object(self) }
}

extension [String]: WireValue {
    package static var wireType: WireType { .list(.string) }
    package static func parse(_ value: FieldValue) -> [String]? {
        if case .member(let json) = value { json.strings } else { nil }
    }
    package static func read(_ value: FieldValue, of name: String) throws(InvalidRequest) -> [String] {
        guard let texts = parse(value) else { throw value.isWrong(in: name) }
        guard !texts.contains(where: { $0.utf8.contains(0) }) else { throw InvalidRequest(.zeroCharacter(name)) }
        return texts
    }
    package var wire: JSONValue { .array(map { .string($0) }) }
}

/// Login methods as a list, or `null` to take back what was said of them.
package struct Factors: WireValue {
    /// The methods; `nil` takes them back.
    package let names: [String]?

    /// Lists methods.
    package init(names: [String]?) {
        self.names = names
    }

    package static var wireType: WireType { .list(.string) }
    package static func parse(_ value: FieldValue) -> Factors? {
        guard case .member(let json) = value, json.isNull || json.strings != nil else { return nil }
        return Factors(names: json.strings)
    }
    package static func read(_ value: FieldValue, of name: String) throws(InvalidRequest) -> Factors {
        guard let factors = parse(value) else { throw value.isWrong(in: name) }
        guard factors.names?.contains(where: { $0.utf8.contains(0) }) != true else {
            throw InvalidRequest(.zeroCharacter(name))
        }
        return factors
    }
    package var wire: JSONValue { names?.wire ?? .null }
}

/// A value of a closed set, by its name, in this core's own interface.
package protocol NamedWireValue: WireValue, CaseIterable, RawRepresentable<String> {}

extension NamedWireValue {
    package static var wireType: WireType { .string }
    package static func parse(_ value: FieldValue) -> Self? { String.parse(value).flatMap(Self.init(rawValue:)) }
    package static func read(_ value: FieldValue, of name: String) throws(InvalidRequest) -> Self {
        guard let known = parse(value) else {
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            throw InvalidRequest(.invalidParameter(name, expected: "one of \(names)"))
        }
        return known
    }
    package var wire: JSONValue { .string(rawValue) }
}

extension AuditEvent.Name: NamedWireValue {}
extension AuditActor: NamedWireValue {}
extension CredentialChange.Change: NamedWireValue {}

/// A time, in this core's own interface: milliseconds since 1970, or a date of RFC 3339.
package struct WireTime: WireValue {
    package let time: Timestamp

    package static var wireType: WireType { .string }
    package static func parse(_ value: FieldValue) -> WireTime? {
        String.parse(value).flatMap { text in
            (Int64(text).map(Timestamp.init(milliseconds:)) ?? RFC3339.parse(text)).map(WireTime.init)
        }
    }
    package static func read(_ value: FieldValue, of name: String) throws(InvalidRequest) -> WireTime {
        guard let time = parse(value) else {
            throw InvalidRequest(
                .invalidParameter(name, expected: "milliseconds since 1970 or a date such as 2026-01-31T09:00:00Z"))
        }
        return time
    }
    package var wire: JSONValue { .string("\(time.milliseconds)") }
}

extension JSONValue {
    /// The number when this is one, without its fraction.
    package var long: Int64? {
        guard let number else { return nil }
        return number.int64 ?? Double(number.text).flatMap { Int64(exactly: $0.rounded(.towardZero)) }
    }

    fileprivate var isLoneSurrogates: Bool { if case .loneSurrogates = self { true } else { false } }

    /// The elements when this is an array of strings.
    package var strings: [String]? {
        guard let array else { return nil }
        let strings = array.compactMap(\.string)
        return strings.count == array.count ? strings : nil
    }
}
