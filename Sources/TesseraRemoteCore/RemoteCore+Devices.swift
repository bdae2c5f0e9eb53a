import CoreDriverInterface
import Foundations
import LosslessJSON
public import SessionEngine
public import TesseraSessions

extension RemoteCore: DeviceBackend {
    public func devices(
        of user: UserID, tenant: TenantID?, after cursor: String?, limit: Int
    ) async throws(SessionError) -> DevicePage {
        try await known { () async throws(SessionError) in
            let reply = try await client.ask(Catalogue.listDevices, tenant: tenant, isRepeatable: true) {
                $0.userID = user.rawValue
                $0.limit = Int64(min(max(1, limit), 500))
                $0.cursor = cursor
            }
            let page = Catalogue.devicesListed.decode(reply.object)
            guard reply.status == "OK", let entries = page.sessions?.values.array else { throw reply.unexpected }
            var devices: [Device] = []
            for entry in entries {
                guard let device = Device(entry) else { throw reply.unexpected }
                devices.append(device)
            }
            return DevicePage(devices: devices, next: page.next)
        }
    }

    public func nameDevice(
        _ label: String, of handle: SessionHandle, of user: UserID
    ) async throws(SessionError) -> Bool {
        try await known { () async throws(SessionError) in
            try await client.ask(Catalogue.nameDevice, isRepeatable: true) {
                ($0.userID, $0.handle, $0.label) = (user.rawValue, handle.rawValue, label)
            }.isFound()
        }
    }

    public func revoke(
        _ handles: [SessionHandle], of user: UserID, by actor: AuditActor
    ) async throws(SessionError) -> [SessionHandle] {
        try await known { () async throws(SessionError) in
            try await client.ask(Catalogue.removeDevices, isRepeatable: true, for: actor) {
                ($0.userID, $0.handles) = (user.rawValue, handles.map(\.rawValue))
            }.handles(Catalogue.sessionsRemoved)
        }
    }

    public func revokeOthers(
        of user: UserID, tenant: TenantID?, except kept: SessionHandle, by actor: AuditActor
    ) async throws(SessionError) -> [SessionHandle] {
        try await known { () async throws(SessionError) in
            try await client.ask(Catalogue.removeDevices, tenant: tenant, isRepeatable: true, for: actor) {
                ($0.userID, $0.kept) = (user.rawValue, kept.rawValue)
            }.handles(Catalogue.sessionsRemoved)
        }
    }

    public func forgetDevices(of user: UserID) async throws(SessionError) -> Int {
        try await known { () async throws(SessionError) in
            let reply = try await client.ask(Catalogue.forgetDevices, isRepeatable: true) { $0.userID = user.rawValue }
            guard let count = Catalogue.devicesForgotten.decode(reply.object).count else { throw reply.unexpected }
            return Int(clamping: count)
        }
    }

    /// Asks what a SuperTokens core does not know: it answers 404, and 400 where a value is wrong.
    private func known<Answer>(
        _ ask: () async throws(SessionError) -> Answer
    ) async throws(SessionError) -> Answer {
        do throws(SessionError) { return try await ask() } catch {
            guard case .coreRejected(let status, let message) = error.kind else { throw error }
            switch status {
            case 404:
                throw .misconfigured(
                    "the core keeps no devices: lists of them need Tessera's core, or the engine in this process")
            case 400: throw .badInput(message)
            default: throw error
            }
        }
    }
}

extension Device {
    /// Reads an entry of the core's list; `nil` where it lacks something.
    fileprivate init?(_ json: JSONValue) {
        guard let object = json.object else { return nil }
        let entry = Catalogue.deviceEntry.decode(object)
        guard let handle = entry.handle, let user = entry.userID, let created = entry.createdAt,
            let seen = entry.lastSeen, let expires = entry.expiresAt, let device = entry.device,
            let label = device.label
        else { return nil }
        self.init(
            handle: SessionHandle(handle), userID: UserID(user),
            tenantID: entry.tenantID.map(TenantID.init) ?? .public, label: label,
            createdAt: Timestamp(milliseconds: created).date, lastSeenAt: Timestamp(milliseconds: seen).date,
            expiresAt: Timestamp(milliseconds: expires).date)
        (userAgent, country) = (device.userAgent, device.country)
        (firstAddress, lastAddress) = (device.firstAddress, device.lastAddress)
        if let time = entry.authentication?.time { authenticatedAt = Timestamp(milliseconds: time).date }
        level = entry.authentication?.level
        isRemembered = entry.limits?.isRemembered ?? false
        isImpersonated = entry.isImpersonated ?? false
        binding = entry.binding.flatMap(BoundKey.Kind.init)
    }
}

extension ClientFacts {
    /// The longest text that is sent; the core keeps less.
    private static let longest = 512

    /// What is known about the client as header fields (docs/devices.md); texts of users travel as base64url.
    var fields: [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        if let address, IPAddress(address) != nil { fields.append(("tessera-client-address", address)) }
        if let userAgent { fields.append(("tessera-client-user-agent", Self.encoded(userAgent))) }
        if let platform, platform.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }) {
            fields.append(("tessera-client-hints", "platform=\"\(platform.prefix(64))\""))
        }
        if let label { fields.append(("tessera-client-label", Self.encoded(label))) }
        if let country, country.utf8.count == 2, country.allSatisfy({ $0.isASCII && $0.isLetter }) {
            fields.append(("tessera-client-country", country))
        }
        return fields
    }

    private static func encoded(_ text: String) -> String {
        var (cut, count) = ("", 0)
        for character in text.prefix(longest) {
            count += String(character).utf8.count
            if count > longest { break }
            cut.append(character)
        }
        return Base64.url.encodedText(Array(cut.utf8))
    }
}

extension PresentedProof {
    /// The proof and what it is for as header fields (docs/dpop.md); what fits into none is no proof.
    var fields: [(name: String, value: String)] {
        let fits = [text, target].allSatisfy {
            $0.utf8.count <= 8_192 && $0.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        }
        return [("tessera-dpop", fits ? text : "none"), ("tessera-dpop-target", fits ? target : "none")]
    }
}
