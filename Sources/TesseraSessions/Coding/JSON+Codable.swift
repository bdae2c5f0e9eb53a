public import LosslessJSON

/// JSON inside a type of the application: encoded and decoded by sessions it stays as it was written; another encoder may
/// write its numbers in its own way.
extension JSONValue: Codable {
    /// Reads any JSON.
    public init(from decoder: any Decoder) throws {
        if let own = decoder as? JSONValueDecoder {
            self = own.value
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let bool = try? container.decode(Bool.self) {
            self = .bool(bool)
        } else if let whole = try? container.decode(Int64.self) {
            self = .integer(whole)
        } else if let number = try? container.decode(Double.self), let number = JSONNumber(number) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if let elements = try? container.decode([JSONValue].self) {
            self = .array(elements)
        } else {
            self = .object(try JSONObject(from: decoder))
        }
    }

    /// Writes this value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let bool): try container.encode(bool)
        case .number(let number):
            if let whole = number.int64 { try container.encode(whole) } else { try container.encode(number.double) }
        case .string(let text): try container.encode(text)
        case .loneSurrogates: try container.encode(string)
        case .array(let elements): try container.encode(elements)
        case .object(let object): try object.encode(to: encoder)
        }
    }
}

extension JSONObject: Codable {
    /// Reads the members in the order in which the decoder has them.
    public init(from decoder: any Decoder) throws {
        if let own = (decoder as? JSONValueDecoder)?.value.object {
            self = own
            return
        }
        let container = try decoder.container(keyedBy: PlainKey.self)
        self.init(
            try container.allKeys.map {
                .init(name: $0.stringValue, value: try container.decode(JSONValue.self, forKey: $0))
            })
    }

    /// Writes the members.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: PlainKey.self)
        for member in members { try container.encode(member.value, forKey: PlainKey(stringValue: member.name)) }
    }
}

extension JSONObject {
    /// A value of the application as a JSON object.
    ///
    /// Members are in the order of its properties; a date is the milliseconds since 1970, data is base64.
    ///
    /// - Parameter value: a structure, or a dictionary whose keys are texts.
    /// - Throws: ``SessionError/badInput(_:)`` when it is no object, or has a number that JSON has not.
    public init(encoding value: some Encodable) throws(SessionError) {
        let json: JSONValue
        do {
            json = try JSONValueEncoder.encode(value)
        } catch {
            throw .badInput("\(type(of: value)) cannot be written as JSON: \(CodingProblem.text(error))")
        }
        guard let object = json.object else {
            throw .badInput("\(type(of: value)) is not written as a JSON object; put it into a structure")
        }
        self = object
    }

    /// These members as a type of the application; those that it does not know are passed over.
    ///
    /// - Parameters:
    ///   - type: the type.
    ///   - place: what this object is, for the error's text.
    /// - Throws: ``SessionError/unreadable(_:)``, which names the member and not its value.
    package func decoded<Value: Decodable>(as type: Value.Type, of place: String) throws(SessionError) -> Value {
        do {
            return try JSONValueDecoder.decode(type, from: .object(self))
        } catch {
            throw .unreadable("the \(place) is no \(type): \(CodingProblem.text(error))")
        }
    }
}

/// What is wrong about a value, without the value.
enum CodingProblem {
    static func text(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context): "\(path(context.codingPath + [key])) is missing"
        case DecodingError.typeMismatch(let type, let context): "\(path(context.codingPath)) is no \(type)"
        case DecodingError.valueNotFound(_, let context): "\(path(context.codingPath)) is null"
        case DecodingError.dataCorrupted(let context): "\(path(context.codingPath)) has a value that is not known"
        case EncodingError.invalidValue(_, let context): "\(path(context.codingPath)): \(context.debugDescription)"
        default: "\(error)"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.isEmpty ? "it" : "'" + keys.map(\.stringValue).joined(separator: ".") + "'"
    }
}
