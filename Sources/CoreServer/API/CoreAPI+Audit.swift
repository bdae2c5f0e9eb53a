import CoreDriverInterface
public import LosslessJSON
import SessionEngine
import SessionService
public import SessionStorage

/// What happened to sessions and keys; an extension of the interface.
extension CoreAPI {
    /// A page of the audit log: the newest entries first, or, with `after`, the oldest.
    func readAuditTrail(_ call: Call) async throws -> CoreReply {
        try Catalogue.readAuditTrail.refuseUnknown(call.request.parameterNames)
        let request = try call.decode(Catalogue.readAuditTrail)
        let query = Self.query(request)
        let records = try await service.auditEvents(query)
        var reply = ListReply()
        reply.objects = JSONObjects(records.map(\.json))
        if records.count == query.limit { reply.next = records.last?.sequence }
        return .json(Catalogue.auditRead.encode(reply))
    }

    /// What a request of the interface looks for.
    static func query(_ request: ReadAuditRequest) -> AuditQuery {
        AuditQuery(
            order: request.after.map { .oldestFirst(after: $0) } ?? .newestFirst(before: request.before),
            handle: request.handle.map(SessionHandle.init), userID: request.userID.map(UserID.init),
            name: request.event, actor: request.actor, since: request.since?.time, until: request.until?.time,
            limit: Int(request.limit ?? 100))
    }
}

extension AuditRecord {
    /// The entry as `tessera audit` and the interface show it.
    public var json: JSONObject {
        var entry = AuditEntryReply()
        (entry.sequence, entry.time, entry.event) = (sequence, event.time.milliseconds, event.name.rawValue)
        (entry.handle, entry.userID, entry.tenantID) = (
            event.handle?.rawValue, event.userID?.rawValue, event.tenantID?.rawValue
        )
        (entry.actor, entry.means) = (event.actor?.rawValue, event.means?.rawValue)
        entry.details = event.details
        return Catalogue.auditEntry.encode(entry)
    }
}

extension CoreAPI.Call {
    /// For whom a caller ends sessions, as the field `tessera-actor` says; without it nothing is known but that the
    /// application asks.
    ///
    /// - Throws: for another value than `user`, `admin` and `driver`: no caller is the core.
    func actor() throws(InvalidRequest) -> AuditActor {
        guard let text = request.actor else { return .driver }
        guard let actor = AuditActor(rawValue: text), actor != .core else {
            throw InvalidRequest(.invalidParameter("tessera-actor", expected: "user, admin or driver"))
        }
        return actor
    }
}
