import LosslessJSON

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Turns JSON into a Swift value, by the rules of ``JSONValueEncoder``.
struct JSONValueDecoder: Decoder {
    let value: JSONValue
    let codingPath: [any CodingKey]
    let userInfo: [CodingUserInfoKey: Any] = [:]

    /// The value that JSON stands for.
    ///
    /// - Throws: `DecodingError`, or what the value's own `init(from:)` throws.
    static func decode<Value: Decodable>(_ type: Value.Type, from value: JSONValue) throws -> Value {
        try JSONValueDecoder(value: value, codingPath: []).read(type)
    }

    /// Reads a value that is here.
    func read<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard let reading = reading(of: type) else { return try Value(from: self) }
        guard let found = reading(value) as? Value else { throw mismatch(type) }
        return found
    }

    /// How a type is read that needs no containers; `nil` for any other.
    private func reading(of type: any Decodable.Type) -> ((JSONValue) -> Any?)? {
        switch type {
        case is Bool.Type: { $0.bool }
        case is String.Type: { $0.string }
        case let integer as any FixedWidthInteger.Type: { $0.number.flatMap { Self.whole(integer, $0) } }
        case is Double.Type: { $0.number?.double }
        case is Float.Type: { $0.number.map { Float($0.double) } }
        case is JSONValue.Type: { $0 }
        case is JSONObject.Type: { $0.object }
        case is Date.Type: { $0.number.flatMap { Self.whole(Int64.self, $0) }.map { Timestamp(milliseconds: $0).date } }
        case is Data.Type: { $0.string.flatMap { Data(base64Encoded: $0) } }
        case is URL.Type: { $0.string.flatMap { URL(string: $0) } }
        case is Decimal.Type: { $0.number.flatMap { Decimal(string: $0.text) } }
        default: nil
        }
    }

    /// An integer within the type, also one that was written as `1.0` or `1e3`.
    private static func whole<Number: FixedWidthInteger>(_: Number.Type, _ number: JSONNumber) -> Number? {
        Number(number.text) ?? Number(exactly: number.double)
    }

    func mismatch(_ type: Any.Type) -> DecodingError {
        .typeMismatch(type, .init(codingPath: codingPath, debugDescription: "the JSON value is of another type"))
    }

    func container<Key: CodingKey>(keyedBy _: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard let object = value.object else { throw mismatch(JSONObject.self) }
        return KeyedDecodingContainer(DecodedMembers(decoder: self, object: object))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let elements = value.array else { throw mismatch([JSONValue].self) }
        return DecodedElements(decoder: self, elements: elements)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { DecodedSingle(decoder: self) }
}

private struct DecodedMembers<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: JSONValueDecoder
    let object: JSONObject
    var codingPath: [any CodingKey] { decoder.codingPath }
    var allKeys: [Key] { object.names.compactMap(Key.init) }

    private func place(_ key: any CodingKey) throws -> JSONValueDecoder {
        guard let value = object[key.stringValue] else {
            throw DecodingError.keyNotFound(
                key, .init(codingPath: codingPath, debugDescription: "there is no such member"))
        }
        return JSONValueDecoder(value: value, codingPath: codingPath + [key])
    }

    func contains(_ key: Key) -> Bool { object[key.stringValue] != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try place(key).value.isNull }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try place(key).read(type) }
    func nestedContainer<Nested>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { try place(key).container(keyedBy: type) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try place(key).unkeyedContainer()
    }
    func superDecoder() throws -> any Decoder { try place(PlainKey(stringValue: "super")) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try place(key) }
}

private struct DecodedElements: UnkeyedDecodingContainer {
    let decoder: JSONValueDecoder
    let elements: [JSONValue]
    private(set) var currentIndex = 0
    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    init(decoder: JSONValueDecoder, elements: [JSONValue]) {
        (self.decoder, self.elements) = (decoder, elements)
    }

    /// Reads the next element, and moves behind it when that has worked.
    private mutating func next<Value>(_ read: (JSONValueDecoder) throws -> Value) throws -> Value {
        let path = codingPath + [PlainKey(intValue: currentIndex)]
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                Value.self, .init(codingPath: path, debugDescription: "there are no more elements"))
        }
        let value = try read(JSONValueDecoder(value: elements[currentIndex], codingPath: path))
        currentIndex += 1
        return value
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, elements[currentIndex].isNull else { return false }
        currentIndex += 1
        return true
    }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next { try $0.read(type) } }
    mutating func nestedContainer<Nested>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
        try next { try $0.container(keyedBy: type) }
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try next { try $0.unkeyedContainer() }
    }
    mutating func superDecoder() throws -> any Decoder { try next(\.self) }
}

private struct DecodedSingle: SingleValueDecodingContainer {
    let decoder: JSONValueDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { decoder.value.isNull }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoder.read(type) }
}
