import CoreDriverInterface
import SessionEngine
import SessionService

/// Sessions that are bound to the device of a browser; an extension of the interface (docs/dbsc.md).
extension CoreAPI {
    func registerDevice(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.registerDevice)
        let registration = DeviceRegistration(proof: request.proof, handle: SessionHandle(request.handle))
        guard let credentials = try await service.register(registration) else {
            return .json(Catalogue.deviceRefused.encode(StatusReply()))
        }
        return Self.reply(credentials)
    }

    func renewDevice(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.renewDevice)
        let renewal = DeviceRenewal(
            identifier: request.identifier, proof: request.proof, handle: request.handle.map { SessionHandle($0) })
        switch try await service.renew(renewal) {
        case .renewed(let credentials): return Self.reply(credentials)
        case .challenge(let challenge):
            var reply = DeviceCredentialsReply()
            reply.challenge = challenge
            return .json(Catalogue.deviceChallenged.encode(reply))
        case .ended: return .json(Catalogue.deviceEnded.encode(StatusReply()))
        }
    }

    func checkDevice(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.checkDevice)
        var reply = TextReply()
        reply.text = try await service.standing(of: request.cookie, in: SessionHandle(request.handle)).rawValue
        return .json(Catalogue.deviceChecked.encode(reply))
    }

    private static func reply(_ credentials: DeviceCredentials) -> CoreReply {
        var reply = DeviceCredentialsReply()
        (reply.identifier, reply.cookie) = (credentials.identifier, credentials.cookie)
        (reply.challenge, reply.cookieSeconds) = (credentials.challenge, credentials.cookieSeconds)
        return .json(Catalogue.deviceBound.encode(reply))
    }
}
