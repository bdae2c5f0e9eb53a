import CoreDriverInterface
public import LosslessJSON
import SessionEngine
import SessionService
public import SessionStorage

/// What happened to sessions and keys; an interface of this core's own.
extension CoreAPI {
    private static let largestPage = 1_000

    /// A page of the trail: the newest entries first, or, with `after`, the oldest.
    func readAuditTrail(_ call: Call) async throws -> CoreReply {
        let query = try auditQuery(call.request)
        let records = try await service.auditTrail(query)
        var reply: JSONObject = ["status": "OK", "records": .array(records.map { .object($0.json) })]
        if records.count == query.limit, let last = records.last { reply.append("next", .integer(last.sequence)) }
        return .json(reply)
    }

    private func auditQuery(_ request: CoreRequest) throws(InvalidRequest) -> AuditQuery {
        let before = try number("before", request, in: 0...Int64.max)
        let after = try number("after", request, in: 0...Int64.max)
        let limit = try number("limit", request, in: 1...Int64(Self.largestPage)) ?? 100
        guard before == nil || after == nil else {
            throw InvalidRequest(.invalidParameter("before", expected: "left out where 'after' is given"))
        }
        return AuditQuery(
            order: after.map { .oldestFirst(after: $0) } ?? .newestFirst(before: before),
            handle: request.parameter("sessionHandle").map(SessionHandle.init),
            userID: request.parameter("userId").map(UserID.init), name: try eventName(request), limit: Int(limit))
    }

    private func number(
        _ name: String, _ request: CoreRequest, in range: ClosedRange<Int64>
    ) throws(InvalidRequest) -> Int64? {
        guard let text = request.parameter(name) else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
            throw InvalidRequest(.invalidParameter(name, expected: expected))
        }
        return number
    }

    private func eventName(_ request: CoreRequest) throws(InvalidRequest) -> AuditEvent.Name? {
        guard let text = request.parameter("event") else { return nil }
        guard let name = AuditEvent.Name(rawValue: text) else {
            let names = AuditEvent.Name.allCases.map(\.rawValue).joined(separator: ", ")
            throw InvalidRequest(.invalidParameter("event", expected: "one of \(names)"))
        }
        return name
    }
}

extension AuditRecord {
    /// The entry as `tessera audit` and the interface show it.
    public var json: JSONObject {
        var object: JSONObject = [
            "sequence": .integer(sequence), "time": .integer(event.time.milliseconds),
            "event": .string(event.name.rawValue),
        ]
        if let handle = event.handle { object.append("sessionHandle", .string(handle.text)) }
        if let tenant = event.tenantID { object.append("tenantId", .string(tenant.text)) }
        if let user = event.userID { object.append("userId", .string(user.text)) }
        object.append("details", .object(event.details))
        return object
    }
}
