package import LosslessJSON

/// What an operation is asked with; a new one has no field that may be left out.
package protocol RequestMessage: Sendable {
    init()
}

/// A line of a request's table: a field, or something that the fields before it have to fulfil together.
package enum RequestStep<Message: RequestMessage>: Sendable {
    /// A field is read.
    case field(RequestField<Message>)
    /// What was read so far is looked at.
    case rule(RequestRule, @Sendable (Message) throws(InvalidRequest) -> Void)
}

/// What fields have to fulfil together, for those who read a description.
package enum RequestRule: Sendable {
    /// Exactly one of these is there.
    case exactlyOne([String])
    /// The first is there only where the second is.
    case beside(String, of: String)
    /// Something that a schema does not tell.
    case other
}

/// The request of an operation: its fields in the order in which they are checked, each written once.
///
/// The server reads requests by it, the driver writes them by it, and the description is printed from it.
package final class RequestTable<Message: RequestMessage>: RequestContract {
    package let operation: CoreOperation
    let steps: [RequestStep<Message>]
    package let readsQuery: Bool

    init(_ operation: CoreOperation, _ steps: [RequestStep<Message>] = []) {
        self.operation = operation
        self.steps = steps
        readsQuery = Catalogue.routes.first { $0.operation == operation }?.methods == [.get]
    }

    /// Reads a body.
    ///
    /// - Throws: ``InvalidRequest`` unless the bytes are one JSON object with the fields that the version asks for.
    package func decode(body: some Collection<UInt8>, _ dialect: Dialect) throws(InvalidRequest) -> Message {
        let limits = JSONLimits(bytes: operation.maximumBodyLength)
        guard let object = try? JSONValue(parsing: body, limits: limits).object else { throw InvalidRequest(.notJSON) }
        return try decode(dialect) { object[$0].map(FieldValue.member) }
    }

    /// Reads a query, whose parameters are looked up one by one.
    ///
    /// - Throws: ``InvalidRequest`` when the version asks for one that is not there, or cannot read one.
    package func decode(query: (String) -> String?, _ dialect: Dialect) throws(InvalidRequest) -> Message {
        try decode(dialect) { query($0).map(FieldValue.parameter) }
    }

    /// Refuses a query with a parameter that this table does not have.
    ///
    /// It would answer another question than the one that was asked. Only this core's own interface is so strict.
    ///
    /// - Parameter names: those of the query, decoded; `nil` for one that is not UTF-8.
    package func refuseUnknown(_ names: [String?]) throws(InvalidRequest) {
        let known = steps.compactMap { step in
            if case .field(let field) = step { field.name as String? } else { nil }
        }
        guard names.allSatisfy({ $0.map(known.contains) ?? false }) else {
            throw InvalidRequest(.unknownParameter(known: known))
        }
    }

    private func decode(_ dialect: Dialect, _ find: (String) -> FieldValue?) throws(InvalidRequest) -> Message {
        var message = Message()
        let presences = dialect.presences(of: self)
        for index in steps.indices {
            switch steps[index] {
            case .rule(_, let check): try check(message)
            case .field(let field):
                guard presences[index] != .ignored else { continue }
                if let value = find(field.name) {
                    try field.read(&message, value)
                } else if presences[index] == .required {
                    throw InvalidRequest(readsQuery ? .missingParameter(field.name) : .invalidField(field.name))
                }
            }
        }
        return message
    }

    /// The fields of a message that the version reads, as JSON.
    package func encode(_ message: Message, _ dialect: Dialect) -> JSONObject {
        var object = JSONObject()
        let presences = dialect.presences(of: self)
        for case (let index, .field(let field)) in steps.enumerated() where presences[index] != .ignored {
            if let value = field.write(message) { object.append(field.name, value) }
        }
        return object
    }

    /// Whether a version reads what a property of the message holds.
    package func reads(_ path: PartialKeyPath<Message>, _ dialect: Dialect) -> Bool {
        let index = steps.firstIndex { step in
            if case .field(let field) = step { field.path == path } else { false }
        }
        return index.map { dialect.presences(of: self)[$0] != .ignored } ?? false
    }

    package var outline: [RequestOutline] {
        steps.map { step in
            switch step {
            case .field(let field): .field(name: field.name, type: field.type, need: field.need)
            case .rule(let rule, _): .rule(rule)
            }
        }
    }
}

/// A line of any request's table, without the message.
package enum RequestOutline: Sendable {
    /// A field.
    case field(name: String, type: WireType, need: FieldNeed)
    /// What fields have to fulfil together.
    case rule(RequestRule)
}

/// A request's table, whatever its message is.
package protocol RequestContract: AnyObject, Sendable {
    /// What is asked for.
    var operation: CoreOperation { get }
    /// Whether the fields are in the query; else they are in the body.
    var readsQuery: Bool { get }
    /// The lines in order.
    var outline: [RequestOutline] { get }
}

extension RequestStep {
    /// A field that has to be there, with a value that is good.
    static func required<Value: WireValue>(
        _ name: String, _ path: any RequestField<Message>.Path<Value>,
        where isGood: @escaping @Sendable (Value) -> Bool = { _ in true }
    ) -> RequestStep {
        .field(
            RequestField(name, required: path) { (value) throws(InvalidRequest) in
                try value.read(name, where: isGood)
            })
    }

    /// A field that may be left out, with a value that is good.
    static func optional<Value: WireValue>(
        _ name: String, _ path: any RequestField<Message>.Path<Value?>,
        where isGood: @escaping @Sendable (Value) -> Bool = { _ in true }
    ) -> RequestStep {
        .field(
            RequestField(name, .optional, path) { (value) throws(InvalidRequest) in
                try value.read(name, where: isGood)
            })
    }

    /// A text that has to be there, with a limit in bytes of UTF-8.
    static func required(
        _ name: String, _ path: any RequestField<Message>.Path<String>, upTo most: Int
    ) -> RequestStep {
        .field(
            RequestField(name, required: path) { (value) throws(InvalidRequest) in
                let text = try String.read(value, of: name)
                guard text.utf8.count <= most else { throw InvalidRequest(.tooLong(name, most: most)) }
                return text
            })
    }

    /// A token that has to be there: whatever text it is, it is judged as a token and never stored.
    static func token(_ name: String, _ path: any RequestField<Message>.Path<String>) -> RequestStep {
        .field(
            RequestField(name, required: path) { (value) throws(InvalidRequest) in
                guard let token = String.parse(value) else { throw value.isWrong(in: name) }
                return token
            })
    }

    /// A token that may be left out.
    static func optionalToken(_ name: String, _ path: any RequestField<Message>.Path<String?>) -> RequestStep {
        .field(
            RequestField(name, .optional, path) { (value) throws(InvalidRequest) in
                guard let token = String.parse(value) else { throw value.isWrong(in: name) }
                return token
            })
    }

    /// A field that some versions require, some allow and some do not read.
    static func versioned<Value: WireValue>(
        _ name: String, _ path: any RequestField<Message>.Path<Value?>, _ spans: FieldSpan...
    ) -> RequestStep {
        .field(
            RequestField(name, .versioned(spans), path) { (value) throws(InvalidRequest) in
                try Value.read(value, of: name)
            })
    }

    /// A number of this core's own interface, which says what it has to be.
    static func optional(
        _ name: String, _ path: any RequestField<Message>.Path<Int64?>, in range: ClosedRange<Int64>
    ) -> RequestStep {
        .field(
            RequestField(name, .optional, path) { (value) throws(InvalidRequest) in
                guard let number = Int64.parse(value), range.contains(number) else {
                    let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
                    throw InvalidRequest(.invalidParameter(name, expected: expected))
                }
                return number
            })
    }

    /// The fields before this line exclude each other, and one of them is there.
    static func exactlyOne(
        _ names: String..., otherwise mistake: InvalidRequest.Contradiction,
        of presences: @escaping @Sendable (Message) -> [Bool]
    ) -> RequestStep {
        .rule(.exactlyOne(names)) { (message) throws(InvalidRequest) in
            guard presences(message).count(where: \.self) == 1 else { throw .contradiction(mistake) }
        }
    }

    /// A field goes with another one only.
    static func field(
        _ name: String, onlyBeside other: String, otherwise mistake: InvalidRequest.Contradiction,
        holds: @escaping @Sendable (Message) -> Bool
    ) -> RequestStep {
        .rule(.beside(name, of: other)) { (message) throws(InvalidRequest) in
            guard holds(message) else { throw .contradiction(mistake) }
        }
    }
}

extension FieldValue {
    fileprivate func read<Value: WireValue>(
        _ name: String, where isGood: (Value) -> Bool
    ) throws(InvalidRequest) -> Value {
        let value = try Value.read(self, of: name)
        guard isGood(value) else { throw isWrong(in: name) }
        return value
    }
}
