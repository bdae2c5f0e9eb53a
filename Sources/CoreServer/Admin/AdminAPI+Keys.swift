import Foundations
import Logging
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage

/// Signing keys, and what there is to know about the core.
extension AdminAPI {
    /// The keys of an app, dynamic ones first and the newest first.
    func listKeys(_ call: AdminCall) async throws(AdminRefusal) -> AdminReply {
        let entries = try await storing { try await administration(call).list() }
        var reply: JSONObject = [:]
        reply[.keys] = .array(entries.map { .object($0.json) })
        return .json(reply)
    }

    /// Makes a key ahead of its time.
    func rotateKey(_ call: AdminCall) async throws(AdminRefusal) -> AdminReply {
        let object = try call.request.object()
        let note = try call.note(object)
        guard let kind = SigningKeyKind(rawValue: object[.kind]?.string ?? SigningKeyKind.dynamic.rawValue) else {
            throw .badInput("The kind of a key is dynamic or static.")
        }
        let entry = try await storing { try await administration(call, note).rotate(kind) }
        try await follow("a signing key was made by the admin page", entry.id, note)
        return .json(entry.json)
    }

    /// Deletes a key: its tokens are refused from then on.
    func killKey(_ call: AdminCall) async throws(AdminRefusal) -> AdminReply {
        let object = try call.request.object()
        let note = try call.note(object)
        guard let kid = object[.kid]?.string, object[.confirm]?.string == kid else {
            throw .badInput("To delete a key type its whole name again.")
        }
        let retired = try await storing { try await administration(call, note).retire { id, _ in id.rawValue == kid } }
        guard let id = retired.first else { throw AdminRefusal(status: 404, text: "There is no such key.") }
        try await follow("a signing key was deleted by the admin page", id, note)
        return .json([:])
    }

    private func administration(_ call: AdminCall, _ note: AuditNote? = nil) async throws -> KeyAdministration {
        let app = try await app(call).app
        return KeyAdministration(
            store: keyStore(app.id), policy: app.settings.policy, clock: clock, keyPool: apps.keyPool, note: note)
    }

    /// This core follows at once, the others within a second.
    private func follow(_ message: Logger.Message, _ id: KeyID, _ note: AuditNote) async throws(AdminRefusal) {
        api.logger.notice(message, metadata: ["operator": "\(note.operatorName)", "key": "\(id.rawValue)"])
        try await storing { try await apps.followKeys() }
    }

    /// What an operator sees first.
    func overview(_ call: AdminCall) async throws(AdminRefusal) -> AdminReply {
        let now = clock.time()
        let (names, entries) = try await storing { () async throws -> ([AppID], [KeyAdministration.Entry]) in
            let names = try await apps.directory.apps().prefix(Self.mostApps).map(\.id)
            return (names, try await administration(call).list())
        }
        var reply = describe(call.session)
        reply[.version] = .string(facts.version)
        reply[.uptime] = .integer((now - begun).count)
        reply[.time] = .integer(now.milliseconds)
        reply[.storage] = .string(facts.storage)
        reply[.isShared] = .bool(facts.isShared)
        reply[.isUp] = .bool(await api.readiness.current())
        reply[.apps] = .array(names.map { .string($0.rawValue) })
        reply[.warnings] = .array(settings.warnings.map { .string($0) })
        var states: JSONObject = [:]
        for state in KeyState.allCases {
            states.append(state.rawValue, .integer(entries.count { $0.state == state }))
        }
        reply[.keys] = .object(states)
        return .json(reply)
    }

    private static let mostApps = 100

    /// Every key of the configuration with the value that counts and where it is from.
    func configuration() -> AdminReply {
        var reply: JSONObject = [:]
        reply[.settings] = .array(
            settings.configuration.map { entry in
                var object: JSONObject = [:]
                object[.name] = .string(entry.name)
                object[.value] = entry.value.map { .string($0) }
                object[.source] = .string(entry.source)
                object[.secret] = .bool(entry.isSecret)
                object[.set] = .bool(entry.isSet)
                object[.effect] = .string(entry.effect)
                return .object(object)
            })
        return .json(reply)
    }
}

extension KeyAdministration.Entry {
    /// For the page.
    fileprivate var json: JSONObject {
        var object: JSONObject = [:]
        object[.kid] = .string(id.rawValue)
        object[.kind] = .string(kind.rawValue)
        object[.alg] = .string(algorithm.rawValue)
        object[.state] = .string(state.rawValue)
        object[.made] = .integer(createdAt.milliseconds)
        object[.signsFrom] = .integer(signsFrom.milliseconds)
        object[.verifiesUntil] = verifiesUntil.map { .integer($0.milliseconds) }
        return object
    }
}
