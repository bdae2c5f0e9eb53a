public import SessionEngine
import SessionService
public import TesseraSessions

extension InProcessBackend: DeviceBindingBackend {
    public func register(_ registration: DeviceRegistration) async throws(SessionError) -> DeviceCredentials? {
        try await run { () async throws(ServiceError) in try await service.register(registration) }
    }

    public func renew(_ renewal: DeviceRenewal) async throws(SessionError) -> DeviceRenewal.Answer {
        try await run { () async throws(ServiceError) in try await service.renew(renewal) }
    }

    public func standing(
        of cookie: String?, in handle: SessionHandle
    ) async throws(SessionError) -> DeviceStanding {
        try await run { () async throws(ServiceError) in try await service.standing(of: cookie, in: handle) }
    }
}
