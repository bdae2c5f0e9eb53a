import CoreDriverInterface
import Foundations
import LosslessJSON
import SessionEngine
import SessionService

/// A user's sessions with their devices; an extension of the interface (docs/devices.md).
extension CoreAPI {
    /// What this core can do that a SuperTokens core cannot; those answer 404.
    static let capabilities = [
        "audit", "policy", "step-up", "devices", "revoke-with-token", "explain-end", "anonymous", "impersonation",
        "feed", "dpop", "events", "dbsc",
    ]

    func listCapabilities() -> CoreReply {
        var reply = TextsReply()
        reply.texts = Self.capabilities
        return .json(Catalogue.capabilitiesListed.encode(reply))
    }

    func listDevices(_ call: Call) async throws -> CoreReply {
        try Catalogue.listDevices.refuseUnknown(call.request.parameterNames)
        let request = try call.decode(Catalogue.listDevices)
        var reply = DevicesReply()
        if let handle = request.handle {
            let record = try await service.session(SessionHandle(handle))
            reply.sessions = JSONObjects(record.map { [entry(of: $0)] } ?? [])
        } else {
            let user = UserID(request.userID ?? "")
            let page = try await service.sessions(
                of: user, tenant: call.deviceTenant, after: request.cursor, limit: Int(request.limit ?? 50))
            guard let page else { throw InvalidRequest(.unknownCursor) }
            reply.sessions = JSONObjects(page.sessions.map { entry(of: $0) })
            reply.next = page.next
        }
        return .json(Catalogue.devicesListed.encode(reply))
    }

    /// A session as lists of devices show it.
    ///
    /// - Parameters:
    ///   - record: the session.
    ///   - terms: how long sessions live in another app; `nil` for this one.
    func entry(of record: SessionRecord, within terms: SessionTerms? = nil) -> JSONObject {
        var entry = DeviceEntry()
        (entry.handle, entry.tenantID) = (record.handle.rawValue, record.tenantID.rawValue)
        (entry.userID, entry.recipeUserID) = (record.namedUserID.rawValue, record.userID.rawValue)
        (entry.createdAt, entry.lastSeen) = (record.createdAt.milliseconds, record.lastSeen.milliseconds)
        let (traits, terms) = (record.traits, terms ?? service.policy.terms)
        entry.expiresAt = record.expiry(within: terms).endedAt.milliseconds
        let device = traits.device ?? SessionDevice()
        var part = DevicePart()
        (part.label, part.userAgent, part.country) = (device.label, device.userAgent, device.country)
        (part.firstAddress, part.lastAddress) = (device.firstAddress, device.lastAddress)
        entry.device = part
        var authentication = AuthenticationPart()
        (authentication.time, authentication.levelTime) = (
            record.authenticatedAt.milliseconds, traits.levelAt?.milliseconds
        )
        (authentication.level, authentication.methods) = (traits.level, traits.methods)
        entry.authentication = authentication
        let limits = terms.limits(of: traits)
        var limitsPart = LimitsPart()
        (limitsPart.idle, limitsPart.absolute) = (limits.idle?.count, limits.absolute?.count)
        limitsPart.isRemembered = traits.flags.contains(.remembered)
        entry.limits = limitsPart
        entry.isAnonymous = traits.flags.contains(.anonymous)
        entry.isImpersonated = traits.flags.contains(.impersonated)
        entry.binding = traits.boundKey?.kind.rawValue
        return Catalogue.deviceEntry.encode(entry)
    }

    func nameDevice(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.nameDevice)
        let isNamed = try await service.nameDevice(
            of: SessionHandle(request.handle), of: UserID(request.userID), request.label)
        return isNamed ? .status("OK") : .unauthorised(WireText.noSession)
    }

    func removeDevices(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.removeDevices)
        let (user, actor) = (UserID(request.userID), try call.actor())
        let ended: [SessionHandle]
        if let kept = request.kept {
            let others = try await service.revokeOthers(
                of: user, tenant: call.deviceTenant, except: SessionHandle(kept), by: actor)
            guard let others else { throw InvalidRequest(.unknownException) }
            ended = others
        } else {
            ended = try await service.revoke((request.handles ?? []).map { SessionHandle($0) }, of: user, by: actor)
        }
        events.revoked(ended.count, call.app, call.deviceTenant, isOfUser: request.kept != nil)
        var reply = HandlesReply()
        reply.handles = ended.map(\.rawValue)
        return .json(Catalogue.sessionsRemoved.encode(reply))
    }

    /// Ends the session of a refresh token; a text that names none has ended nothing, and is no mistake (RFC 7009 section 2.2).
    func revokeWithToken(_ call: Call) async throws -> CoreReply {
        let token = RefreshToken(try call.decode(Catalogue.revokeWithToken).refreshToken)
        var reply = ChoiceReply()
        reply.isSo = try await service.revoke(with: token, by: try call.actor())
        events.revoked(reply.isSo == true ? 1 : 0, call.app, nil, isOfUser: false)
        return .json(Catalogue.tokenRevoked.encode(reply))
    }

    /// Why a session ended; who holds one of its refresh tokens may know.
    func explainEnd(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.explainEnd)
        let end =
            if let token = request.refreshToken {
                try await service.end(ofSessionWith: RefreshToken(token))
            } else {
                try await service.end(of: SessionHandle(request.handle ?? ""))
            }
        var reply = EndReply()
        reply.isEnded = end != nil
        if let end {
            (reply.cause, reply.text, reply.userText) = (end.cause.rawValue, end.text, end.userText)
            reply.endedAt = end.endedAt.milliseconds
        }
        return .json(Catalogue.endExplained.encode(reply))
    }

    func forgetDevices(_ call: Call) async throws -> CoreReply {
        let user = UserID(try call.decode(Catalogue.forgetDevices).userID)
        var reply = CountReply()
        reply.count = Int64(try await service.forgetDevices(of: user))
        return .json(Catalogue.devicesForgotten.encode(reply))
    }
}

extension CoreAPI.Call {
    /// The tenant whose sessions are meant; `nil` for those of the whole app, which is asked without a tenant's path.
    fileprivate var deviceTenant: TenantID? { tenant == .public ? nil : tenant }
}
