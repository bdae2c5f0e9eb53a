import LosslessJSON

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Turns a Swift value into JSON without writing text: members stay in the order of their properties, and what is JSON
/// already stays as it is, number for number.
///
/// A date is the milliseconds since 1970, as `Date.getTime` of JavaScript gives them and as the times of claims are; data is
/// base64.
struct JSONValueEncoder: Encoder {
    let node: EncodedNode
    let codingPath: [any CodingKey]
    let userInfo: [CodingUserInfoKey: Any] = [:]

    /// The value as JSON.
    ///
    /// - Throws: `EncodingError`, or what the value's own `encode(to:)` throws.
    static func encode(_ value: some Encodable) throws -> JSONValue {
        let encoder = JSONValueEncoder(node: EncodedNode(), codingPath: [])
        try encoder.write(value)
        return encoder.node.json
    }

    /// Writes a value here.
    func write(_ value: some Encodable) throws {
        guard try !writesAlone(value) else { return }
        try value.encode(to: self)
    }

    /// Writes what needs no containers; returns whether the value was such.
    private func writesAlone(_ value: some Encodable) throws -> Bool {
        switch value {
        case let bool as Bool: node.set(.bool(bool))
        case let text as String: node.set(.string(text))
        case let number as any BinaryInteger: node.set(.number(JSONNumber(number)))
        case let number as Double: try set(number)
        case let number as Float: try set(Double(number))
        case let json as JSONValue: node.set(json)
        case let object as JSONObject: node.set(.object(object))
        case let date as Date: node.set(.integer(Timestamp(date).milliseconds))
        case let data as Data: node.set(.string(data.base64EncodedString()))
        case let url as URL: node.set(.string(url.absoluteString))
        case let decimal as Decimal: try set(decimal)
        default: return false
        }
        return true
    }

    private func set(_ value: Double) throws {
        guard let number = JSONNumber(value) else { throw refused(value, "JSON has no number for it") }
        node.set(.number(number))
    }

    private func set(_ value: Decimal) throws {
        guard let json = try? JSONValue(parsing: "\(value)"), json.number != nil else {
            throw refused(value, "JSON has no number for it")
        }
        node.set(json)
    }

    private func refused(_ value: Any, _ text: String) -> EncodingError {
        .invalidValue(value, EncodingError.Context(codingPath: codingPath, debugDescription: text))
    }

    func container<Key: CodingKey>(keyedBy _: Key.Type) -> KeyedEncodingContainer<Key> {
        node.becomeObject()
        return KeyedEncodingContainer(EncodedMembers(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.becomeArray()
        return EncodedElements(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { EncodedSingle(encoder: self) }

    /// An encoder for what is inside this value.
    func inner(_ node: EncodedNode, _ key: any CodingKey) -> JSONValueEncoder {
        JSONValueEncoder(node: node, codingPath: codingPath + [key])
    }
}

/// A place in the JSON that is being made.
final class EncodedNode {
    private enum Kind { case value, object, array }
    /// A value that encodes nothing is an empty object, as with `JSONEncoder`.
    private var kind = Kind.object
    private var value = JSONValue.null
    private var members: [(name: String, node: EncodedNode)] = []
    private var elements: [EncodedNode] = []

    var json: JSONValue {
        switch kind {
        case .value: value
        case .object: .object(JSONObject(members.map { .init(name: $0.name, value: $0.node.json) }))
        case .array: .array(elements.map(\.json))
        }
    }

    var count: Int { elements.count }

    func set(_ value: JSONValue) { (kind, self.value) = (.value, value) }

    func becomeObject() { kind = .object }

    func becomeArray() { kind = .array }

    /// The place of a member.
    func member(_ name: String) -> EncodedNode {
        let node = EncodedNode()
        members.append((name, node))
        return node
    }

    /// The place of the next element.
    func element() -> EncodedNode {
        let node = EncodedNode()
        elements.append(node)
        return node
    }
}

/// The name of an element in a path, and of what a subclass leaves to its superclass.
struct PlainKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
    init(intValue: Int) { (stringValue, self.intValue) = ("\(intValue)", intValue) }
}

private struct EncodedMembers<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: JSONValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    private func place(_ key: any CodingKey) -> JSONValueEncoder {
        encoder.inner(encoder.node.member(key.stringValue), key)
    }

    func encodeNil(forKey key: Key) { place(key).node.set(.null) }
    func encode(_ value: some Encodable, forKey key: Key) throws { try place(key).write(value) }
    func nestedContainer<Nested>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { place(key).container(keyedBy: type) }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { place(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { place(PlainKey(stringValue: "super")) }
    func superEncoder(forKey key: Key) -> any Encoder { place(key) }
}

private struct EncodedElements: UnkeyedEncodingContainer {
    let encoder: JSONValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }
    var count: Int { encoder.node.count }

    private func place() -> JSONValueEncoder { encoder.inner(encoder.node.element(), PlainKey(intValue: count)) }

    func encodeNil() { place().node.set(.null) }
    func encode(_ value: some Encodable) throws { try place().write(value) }
    func nestedContainer<Nested>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        place().container(keyedBy: type)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { place().unkeyedContainer() }
    func superEncoder() -> any Encoder { place() }
}

private struct EncodedSingle: SingleValueEncodingContainer {
    let encoder: JSONValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil() { encoder.node.set(.null) }
    func encode(_ value: some Encodable) throws { try encoder.write(value) }
}
