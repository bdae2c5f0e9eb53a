import LosslessJSON

/// The type of a field of a request or of a member of a reply.
package indirect enum WireType: Sendable, Equatable {
    case string
    case boolean
    /// An integer.
    case long
    /// Members that the application chose.
    case object
    case list(WireType)
    /// Members that the core chooses, all of them always there.
    case record([String: WireType])

    /// The JSON schema of the type.
    var schema: JSONObject {
        switch self {
        case .string: ["type": "string"]
        case .boolean: ["type": "boolean"]
        case .long: ["type": "integer", "format": "int64"]
        case .object: ["type": "object"]
        case .list(let element): ["type": "array", "items": .object(element.schema)]
        case .record(let members):
            WireType.record(
                members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.schema, true) })
        }
    }

    /// The schema of an object with exactly these members.
    static func record(_ members: [(name: String, schema: JSONObject, isRequired: Bool)]) -> JSONObject {
        let properties = members.map { JSONObject.Member(name: $0.name, value: .object($0.schema)) }
        return [
            "type": "object", "properties": .object(JSONObject(properties)),
            "required": .array(members.filter(\.isRequired).map { .string($0.name) }), "additionalProperties": false,
        ]
    }
}
