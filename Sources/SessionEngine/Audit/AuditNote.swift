public import LosslessJSON

/// What an operator said about a change, for the audit log (docs/decisions/0042).
public struct AuditNote: Sendable, Equatable {
    /// The name of the operator's key.
    public var operatorName: String
    /// Why, in the operator's words.
    public var reasonText: String

    /// Creates a note.
    ///
    /// - Parameters:
    ///   - operatorName: the name of the operator's key.
    ///   - reasonText: why, in the operator's words.
    public init(operatorName: String, reasonText: String) {
        self.operatorName = operatorName
        self.reasonText = reasonText
    }

    /// The members that it adds to the details of an audit event.
    public var details: JSONObject { ["operator": .string(operatorName), "reasonText": .string(reasonText)] }
}

extension AuditEvent {
    /// The same event with what an operator said about it.
    ///
    /// - Parameter note: what was said; `nil` adds nothing.
    package func noting(_ note: AuditNote?) -> AuditEvent {
        guard let note else { return self }
        var event = self
        for member in note.details.members { event.details.append(member.name, member.value) }
        return event
    }
}
