/// A JSON value that remembers what its sender wrote.
///
/// Numbers keep their text, objects keep the order of their members, and `null` members stay: what a driver stores
/// round-trips (docs/specification/core.md 1.0 and 10.1 no. 15). Whitespace and the choice of string escapes are not
/// kept.
public enum JSONValue: Sendable, Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number, as its text.
    case number(JSONNumber)
    /// A string, unescaped.
    case string(String)
    /// A string with half a surrogate pair, which is no Unicode text.
    case loneSurrogates(LoneSurrogateText)
    /// An array.
    case array([JSONValue])
    /// An object with its members in order.
    case object(JSONObject)
}

extension JSONValue {
    init(_ string: JSONString) {
        switch string {
        case .text(let text): self = .string(text)
        case .lone(let text): self = .loneSurrogates(text)
        }
    }

    /// The members when this is an object.
    public var object: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    /// The text when this is a string; `nil` for one with half a surrogate pair.
    public var string: String? {
        if case .string(let string) = self { string } else { nil }
    }

    /// The value when this is a Boolean.
    public var bool: Bool? {
        if case .bool(let bool) = self { bool } else { nil }
    }

    /// The elements when this is an array.
    public var array: [JSONValue]? {
        if case .array(let array) = self { array } else { nil }
    }

    /// The number when this is one.
    public var number: JSONNumber? {
        if case .number(let number) = self { number } else { nil }
    }

    /// Whether this is `null`.
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// Whether both values were written alike: the same texts byte by byte, the same number text, the same order.
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.isSameText(as: right)
        case (.loneSurrogates(let left), .loneSurrogates(let right)): left == right
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    /// A number value from an integer.
    public static func integer(_ value: some BinaryInteger) -> JSONValue { .number(JSONNumber(value)) }

    /// Whether both values mean the same: numbers by value (`1.0E30` = `1e+30`), members in any order.
    ///
    /// `==` asks for the same text and order; this asks what a reader of the two documents would understand.
    public func isEquivalent(to other: JSONValue) -> Bool {
        switch (self, other) {
        case (.number(let left), .number(let right)): left.isNumericallyEqual(to: right)
        case (.array(let left), .array(let right)):
            left.count == right.count && zip(left, right).allSatisfy { $0.isEquivalent(to: $1) }
        case (.object(let left), .object(let right)): left.isEquivalent(to: right)
        case (.string(let left), .string(let right)): left.isSameText(as: right)
        case (.loneSurrogates(let left), .loneSurrogates(let right)): left.folded.isSameText(as: right.folded)
        default: self == other
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByNilLiteral, ExpressibleByDictionaryLiteral
{
    /// A string value.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A boolean value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A number value.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// An array value.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
    /// An object value; its names must differ.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements.map { JSONObject.Member(name: $0.0, value: $0.1) }))
    }
}
