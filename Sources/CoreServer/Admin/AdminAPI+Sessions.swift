import CoreDriverInterface
import Foundations
import Logging
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage

/// Sessions of users: found, explained and ended.
extension AdminAPI {
    /// A page of a user's sessions, or one session, also one that has ended.
    func listSessions(_ call: AdminCall) async throws(AdminRefusal) -> AdminReply {
        let request = call.request
        let limit = try request.number(.limit, in: 1...500) ?? 50
        return try await storing {
            let (app, service) = try await app(call)
            if let handle = request.parameter(.session) {
                return .json(try await describe(SessionHandle(handle), service, app.settings.policy.terms))
            }
            guard let user = request.parameter(.user) else {
                throw AdminRefusal.badInput("Say whose sessions: 'user' or 'session'.")
            }
            let page = try await service.sessions(
                of: UserID(user), tenant: request.parameter(.tenant).map { TenantID($0) },
                after: request.parameter(.after), limit: Int(limit))
            guard let page else { throw AdminRefusal.badInput("'after' has to be what 'next' said.") }
            var reply: JSONObject = [:]
            reply[.sessions] = .array(page.sessions.map { .object(entry(of: $0, app.settings.policy.terms)) })
            reply[.next] = page.next.map { .string($0) }
            return .json(reply)
        }
    }

    /// A session as lists of devices have it, with the limit that ends it.
    private func entry(of record: SessionRecord, _ terms: SessionTerms) -> JSONObject {
        var entry = api.entry(of: record, within: terms)
        entry[.actedBy] = record.actor.map { .object($0.object) }
        entry[.endsBy] = .string(record.expiry(within: terms).reason.rawValue)
        return entry
    }

    private func describe(
        _ handle: SessionHandle, _ service: SessionManager, _ terms: SessionTerms
    ) async throws -> JSONObject {
        var reply: JSONObject = [:]
        let record = try await service.session(handle)
        reply[.sessions] = .array(record.map { [.object(entry(of: $0, terms))] } ?? [])
        if record == nil { reply[.end] = try await service.end(of: handle).map { .object($0.json) } }
        return reply
    }

    /// The entries about a session, the oldest first, with the time between them; and why it ended.
    func timeline(_ call: AdminCall) async throws(AdminRefusal) -> AdminReply {
        guard let name = call.request.parameter(.session) else { throw .badInput("Say which session.") }
        let after = try call.request.number(.after, in: 0...Int64.max) ?? 0
        let handle = SessionHandle(name)
        return try await storing {
            let (_, service) = try await app(call)
            let records = try await service.auditEvents(
                AuditQuery(order: .oldestFirst(after: after), handle: handle, limit: Self.timelinePage))
            var before: Timestamp?
            var reply: JSONObject = [:]
            reply[.entries] = .array(
                records.map { record in
                    var entry = record.explained
                    entry[.sincePrevious] = before.map { .integer((record.event.time - $0).count) }
                    before = record.event.time
                    return .object(entry)
                })
            if records.count == Self.timelinePage { reply[.next] = records.last.map { .integer($0.sequence) } }
            reply[.isLive] = .bool(try await service.session(handle) != nil)
            reply[.end] = try await service.end(of: handle).map { .object($0.json) }
            return .json(reply)
        }
    }

    private static let timelinePage = 500

    /// Ends a session, all of a user's but one, or all of a user's.
    func revoke(_ call: AdminCall) async throws(AdminRefusal) -> AdminReply {
        let object = try call.request.object()
        let note = try call.note(object)
        let (session, user) = (object[.session]?.string, object[.user]?.string)
        let tenant = object[.tenant]?.string.map { TenantID($0) }
        guard (session == nil) != (user == nil) else { throw .badInput("Say either 'session' or 'user'.") }
        let count = try await storing {
            let (_, service) = try await app(call)
            if let session {
                return try await service.revoke([SessionHandle(session)], by: .administrator, note: note).count
            }
            let user = UserID(user ?? "")
            guard let kept = object[.except]?.string else {
                return try await service.revokeAll(of: user, tenant: tenant, by: .administrator, note: note).count
            }
            let others = try await service.revokeOthers(
                of: user, tenant: tenant, except: SessionHandle(kept), by: .administrator, note: note)
            guard let others else {
                throw AdminRefusal.badInput("The user has no such session to keep; nothing has ended.")
            }
            return others.count
        }
        api.logger.notice(
            "sessions were ended by the admin page",
            metadata: [
                "operator": "\(note.operatorName)", "app": "\(call.app.rawValue)", "count": .stringConvertible(count),
            ])
        var reply: JSONObject = [:]
        reply[.ended] = .integer(count)
        return .json(reply)
    }
}

/// The audit log.
extension AdminAPI {
    /// A page of the audit log; the parameters are those of `GET /tessera/audit`, and `app`.
    func audit(_ call: AdminCall) async throws(AdminRefusal) -> AdminReply {
        let records = try await auditPage(call)
        var reply: JSONObject = [:]
        reply[.entries] = .array(records.found.map { .object($0.explained) })
        reply[.next] = records.next.map { .integer($0) }
        return .json(reply)
    }

    /// The same page as a line of JSON for each entry; a field says where the next page begins.
    func exportAudit(_ call: AdminCall) async throws(AdminRefusal) -> AdminReply {
        let records = try await auditPage(call)
        let lines = records.found.map { $0.json.text + "\n" }.joined()
        var reply = AdminReply(contentType: "application/x-ndjson; charset=utf-8", body: Array(lines.utf8))
        if let next = records.next { reply.headers.append(("X-Tessera-Admin-Next", "\(next)")) }
        return reply
    }

    private func auditPage(
        _ call: AdminCall
    ) async throws(AdminRefusal) -> (found: [AuditRecord], next: Int64?) {
        try await storing {
            guard let dialect = Dialect.unversioned else { throw AdminRefusal.failed }
            // The page sends its other parameters to other paths; one that is empty says nothing.
            let request = try Catalogue.readAuditTrail.decode(
                query: { name in call.request.core.parameter(name).flatMap { $0.isEmpty ? nil : $0 } }, dialect)
            let query = CoreAPI.query(request)
            let (_, service) = try await app(call)
            let records = try await service.auditEvents(query)
            return (records, records.count == query.limit ? records.last?.sequence : nil)
        }
    }
}

extension AuditRecord {
    /// The entry as the interface shows it, with the reason in words where it ended a session.
    fileprivate var explained: JSONObject {
        var entry = json
        entry[.why] = SessionEnd(event).map { .string($0.text) }
        return entry
    }
}

extension SessionEnd {
    /// For the page.
    fileprivate var json: JSONObject {
        var object: JSONObject = [:]
        object[.cause] = .string(cause.rawValue)
        object[.text] = .string(text)
        object[.endedAt] = .integer(endedAt.milliseconds)
        return object
    }
}
