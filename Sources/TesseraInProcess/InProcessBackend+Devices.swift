public import SessionEngine
import SessionService
public import TesseraSessions

extension InProcessBackend: DeviceBackend {
    public func devices(
        of user: UserID, tenant: TenantID?, after cursor: String?, limit: Int
    ) async throws(SessionError) -> DevicePage {
        let page = try await run { () async throws(ServiceError) in
            try await service.sessions(of: user, tenant: tenant, after: cursor, limit: limit)
        }
        guard let page else { throw .badInput("this is not what a page of devices has said of the next one") }
        return DevicePage(
            devices: page.sessions.map { Device($0, within: service.policy.terms) }, next: page.next)
    }

    public func nameDevice(
        _ label: String, of handle: SessionHandle, of user: UserID
    ) async throws(SessionError) -> Bool {
        try await run { () async throws(ServiceError) in try await service.nameDevice(of: handle, of: user, label) }
    }

    public func revoke(
        _ handles: [SessionHandle], of user: UserID, by actor: AuditActor
    ) async throws(SessionError) -> [SessionHandle] {
        try await run { () async throws(ServiceError) in try await service.revoke(handles, of: user, by: actor) }
    }

    public func revokeOthers(
        of user: UserID, tenant: TenantID?, except kept: SessionHandle, by actor: AuditActor
    ) async throws(SessionError) -> [SessionHandle] {
        let ended = try await run { () async throws(ServiceError) in
            try await service.revokeOthers(of: user, tenant: tenant, except: kept, by: actor)
        }
        guard let ended else { throw .badInput("the user has no such session to keep; nothing has ended") }
        return ended
    }

    public func forgetDevices(of user: UserID) async throws(SessionError) -> Int {
        try await run { () async throws(ServiceError) in try await service.forgetDevices(of: user) }
    }
}
