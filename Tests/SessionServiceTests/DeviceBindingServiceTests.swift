import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Sessions that are bound to the device of a browser")
struct DeviceBindingServiceTests {
    /// A world with one session and what it was offered.
    struct Place {
        let world: World
        let device = TestDeviceKey()
        var issued: IssuedTokens

        init(seed: UInt64 = 1, offers: Bool = true, isAnonymous: Bool = false) async throws {
            world = try await World(seed: seed)
            var new = NewSession(userID: isAnonymous ? "" : "u1", accessTokenPayload: ["k": "v"])
            (new.wantsDeviceOffer, new.isAnonymous) = (offers, isAnonymous)
            guard case .created(let issued) = try await world.service.createSession(new) else { throw Unexpected("") }
            self.issued = issued
        }

        var handle: SessionHandle { issued.session.handle }

        func register(
            _ device: TestDeviceKey? = nil, _ offer: String? = nil, as handle: SessionHandle? = nil
        ) async throws -> DeviceCredentials? {
            let proof = try (device ?? self.device).registration(offer ?? issued.deviceOffer ?? "none")
            return try await world.service.register(DeviceRegistration(proof: proof, handle: handle ?? self.handle))
        }

        func refresh(_ cookie: String?, skipped: Bool = false) async throws -> RefreshResult {
            var request = PresentedRefreshToken(refreshToken: issued.refreshToken)
            (request.device.cookie, request.device.wasSkipped) = (cookie, skipped)
            return try await world.service.refresh(request)
        }

        func record() async throws -> SessionRecord? { try await world.storage.session(handle) }

        /// The names and reasons of the events about a session, the oldest first.
        func events(of other: SessionHandle? = nil) async throws -> [String] {
            let handle = other ?? handle
            return try await world.storage.auditEvents(AuditQuery(order: .oldestFirst(after: 0))).map(\.event)
                .filter { $0.handle == handle }
                .map { [$0.name.rawValue, $0.details["reason"]?.string].compactMap(\.self).joined(separator: " ") }
        }
    }

    @Test("A device binds the session that was offered, and its cookie refreshes it for ten minutes")
    func whole() async throws {
        var place = try await Place()
        let clock = place.world.clock
        let first = try #require(try await place.register())
        #expect(first.cookieSeconds == 570)
        #expect(try await place.record()?.traits.boundKey?.kind == .dbsc)
        place.issued = try #require(try await place.refresh(first.cookie).tokens)
        #expect(try ReadToken(place.issued.accessToken.exposed).payload["cnf"] == nil)
        clock.advance(by: .seconds(450))
        let proof = try place.device.renewal(first.challenge)
        for _ in 0..<3 {
            let answer = try await place.world.service.renew(
                DeviceRenewal(identifier: first.identifier, proof: proof, handle: place.handle))
            guard case .renewed(let next) = answer else { throw Unexpected("\(answer)") }
            #expect(next.identifier == first.identifier && next.cookie != first.cookie)
        }
        clock.advance(by: .seconds(150))
        #expect(try await place.refresh(first.cookie).tokens != nil, "the one before is good until its own end")
        clock.advance(by: .seconds(1))
        let record = try await place.record()
        guard case .deviceNotYet = try await place.refresh(first.cookie) else { throw Unexpected("old") }
        #expect(try await place.refresh(nil).refusal == .boundToDevice)
        guard case .deviceNotYet = try await place.refresh(nil, skipped: true) else { throw Unexpected("skipped") }
        guard
            case .challenge(let fresh) = try await place.world.service.renew(
                DeviceRenewal(identifier: first.identifier, proof: proof))
        else { throw Unexpected("an old challenge") }
        let answer = try await place.world.service.renew(
            DeviceRenewal(identifier: first.identifier, proof: try place.device.renewal(fresh)))
        guard case .renewed(let last) = answer else { throw Unexpected("\(answer)") }
        #expect(try await place.record() == record, "nothing was written since")
        #expect(try await place.refresh(last.cookie).tokens != nil)
        #expect(
            try await place.events().filter { $0 != "refreshed" } == ["created", "bound", "binding_refused old"])
    }

    @Test("An offer binds its own session, once, within a minute, by who has signed it")
    func offers() async throws {
        let place = try await Place()
        let other = try await Place(seed: 2)
        #expect(try await place.register(nil, other.issued.deviceOffer) == nil, "of another core")
        #expect(try await place.register(as: other.handle) == nil, "beside another session's token")
        #expect(try await place.register(nil, "none") == nil)
        place.world.clock.advance(by: .seconds(61))
        #expect(try await place.register() == nil, "too late")
        place.world.clock.advance(by: .seconds(0) - .seconds(1))
        #expect(try await place.record()?.traits.boundKey == nil)
        let bound = try #require(try await place.register())
        #expect(try await place.register()?.identifier == bound.identifier, "a lost reply")
        for _ in 0..<3 { #expect(try await place.register(TestDeviceKey()) == nil, "a second key") }
        #expect(try await place.events() == ["created", "bound", "binding_refused other_key"])
        #expect(try await Place(offers: false).issued.deviceOffer == nil)
        #expect(try await Place(isAnonymous: true).issued.deviceOffer == nil)
    }

    @Test("Of many devices at once one binds the session, and the others are told no", arguments: 0..<20)
    func race(round: Int) async throws {
        let place = try await Place()
        let devices = (0..<8).map { _ in TestDeviceKey() }
        let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
            for device in devices { group.addTask { try await place.register(device) != nil } }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(winners == 1)
        #expect(try await place.events().filter { $0 == "bound" }.count == 1)
    }

    @Test("A session that was revoked meanwhile is not bound, and its browser forgets the key")
    func revoked() async throws {
        let (place, gone) = (try await Place(), try await Place())
        let bound = try #require(try await place.register())
        for each in [place, gone] { _ = try await each.world.service.revoke([each.handle], by: .user) }
        #expect(try await gone.register() == nil)
        for identifier in [bound.identifier, "none", bound.cookie] {
            let answer = try await place.world.service.renew(
                DeviceRenewal(identifier: identifier, proof: try place.device.renewal(bound.challenge)))
            #expect(answer == .ended)
        }
    }

    @Test("A browser with another session by now forgets the key of the one before")
    func replaced() async throws {
        let place = try await Place()
        let bound = try #require(try await place.register())
        let answer = try await place.world.service.renew(
            DeviceRenewal(
                identifier: bound.identifier, proof: try place.device.renewal(bound.challenge), handle: "another"))
        #expect(answer == .ended)
        #expect(try await place.record()?.traits.boundKey != nil)
    }

    @Test("A step-up offers once more what is bound to nothing, and what was offered before is worth nothing then")
    func stepUp() async throws {
        var place = try await Place()
        let stale = place.issued.deviceOffer
        place.world.clock.advance(by: .seconds(5))
        var request = PresentedRefreshToken(refreshToken: place.issued.refreshToken)
        request.device.wantsOffer = true
        #expect(try await place.world.service.refresh(request).tokens?.deviceOffer == nil, "a refresh offers nothing")
        let level = StepUp(level: "aal2", methods: ["otp"])
        place.issued = try #require(try await place.world.service.stepUp(level, with: request).tokens)
        #expect(place.issued.deviceOffer != nil && place.issued.deviceOffer != stale)
        #expect(try await place.register(nil, stale) == nil)
        let bound = try #require(try await place.register())
        place.world.clock.advance(by: .seconds(125))
        request.refreshToken = place.issued.refreshToken
        let other = StepUp(level: "aal3", methods: ["hwk"])
        #expect(try await place.world.service.stepUp(other, with: request).refusal == .boundToDevice)
        request.device.cookie = bound.cookie
        let again = try #require(try await place.world.service.stepUp(other, with: request).tokens)
        #expect(again.deviceOffer == nil, "bound already")
    }

    @Test("A request that left before its session was bound gets nothing, and its client keeps what it has")
    func overtaken() async throws {
        let (place, other) = (try await Place(), try await Place(seed: 2))
        let bound = try #require(try await place.register())
        let record = try await place.record()
        guard case .deviceNotYet = try await place.refresh(nil) else { throw Unexpected("without a cookie") }
        // The cookie of the session before is in the jar.
        let before = try #require(try await other.register())
        place.world.clock.advance(by: .seconds(300))
        guard case .unauthorised(.boundToDevice) = try await place.refresh(before.cookie) else {
            throw Unexpected("the cookie of another app's key")
        }
        #expect(try await place.record() == record)
        #expect(try await place.refresh(bound.cookie).tokens != nil)
    }

    @Test(
        "A verification without the cookie lengthens no access token, whatever has changed", arguments: [false, true])
    func verification(isBound: Bool) async throws {
        var place = try await Place()
        let cookie = isBound ? try #require(try await place.register()).cookie : nil
        place.world.clock.advance(by: .seconds(200))
        place.issued = try #require(try await place.refresh(cookie).tokens)
        let end = place.issued.accessToken.expiresAt
        place.world.clock.advance(by: .seconds(1_000))
        for payload in [nil, ["k": "w"], ["k": "x"]] as [JSONObject?] {
            if let payload {
                _ = try await place.world.service.replaceData(of: place.handle, accessTokenPayload: payload)
            }
            let presented = PresentedAccessToken(
                accessToken: place.issued.accessToken.exposed, checksAntiCSRF: false, checksDatabase: true)
            guard case .valid(_, let newer?, _) = try await place.world.service.verify(presented) else {
                throw Unexpected("no replacement")
            }
            #expect(isBound == (newer.expiresAt == end), "\(newer.expiresAt)")
            place.world.clock.advance(by: .seconds(1_000))
        }
    }

    @Test("A verification lengthens no token whose refresh token was presented twice either")
    func sharedVerification() async throws {
        let place = try await Place()
        let cookie = try #require(try await place.register()).cookie
        place.world.clock.advance(by: .seconds(200))
        let first = try #require(try await place.refresh(cookie).tokens)
        place.world.clock.advance(by: .seconds(30))
        #expect(try #require(try await place.refresh(cookie).tokens).isShared)
        place.world.clock.advance(by: .seconds(3_560))
        let presented = PresentedAccessToken(
            accessToken: first.accessToken.exposed, checksAntiCSRF: false, checksDatabase: true)
        guard case .valid(_, let newer?, _) = try await place.world.service.verify(presented) else {
            throw Unexpected("no replacement")
        }
        #expect(newer.expiresAt == first.accessToken.expiresAt)
    }

    @Test("A copied token of a bound session that was superseded ends nothing, of whichever kind it is")
    func revocation() async throws {
        var place = try await Place()
        let (service, start) = (place.world.service, place.issued.refreshToken)
        let cookie = try #require(try await place.register()).cookie
        let orphan = try #require(try await place.refresh(cookie).tokens).refreshToken
        place.world.clock.advance(by: .seconds(125))
        for _ in 0..<2 { place.issued = try #require(try await place.refresh(cookie).tokens) }
        #expect(try await service.revoke(with: orphan) == false)
        place.issued = try #require(try await place.refresh(cookie).tokens)
        #expect(try await service.revoke(with: start) == false)
        #expect(try await place.record() != nil)
        let events = try await place.events()
        #expect(events.filter { $0 != "refreshed" } == ["created", "bound", "binding_refused cookie"])
        #expect(try await service.revoke(with: place.issued.refreshToken))
        #expect(try await place.record() == nil)
        #expect(try await place.events().last == "revoked")
    }

    @Test("The session of a user who has signed in is offered, whatever the anonymous one was")
    func upgrade() async throws {
        let place = try await Place(isAnonymous: true)
        var request = PresentedRefreshToken(refreshToken: place.issued.refreshToken)
        request.device.wantsOffer = true
        let result = try await place.world.service.upgrade(Upgrade(to: NewSession(userID: "u1")), with: request)
        guard case .upgraded(let issued) = result, let offer = issued.deviceOffer else { throw Unexpected("\(result)") }
        #expect(try await place.register(nil, offer, as: issued.session.handle) != nil)
        // The same again, by a request that left before: it keeps what it has, or gets the same where this is only reported.
        let again = try await place.world.service.upgrade(Upgrade(to: NewSession(userID: "u1")), with: request)
        guard case .refused(.deviceNotYet) = again else { throw Unexpected("\(again)") }
        #expect(try await place.events(of: issued.session.handle) == ["created", "bound", "binding_refused not_yet"])
        request.device.reportsOnly = true
        let reported = try await place.world.service.upgrade(Upgrade(to: NewSession(userID: "u1")), with: request)
        guard case .upgraded(let same) = reported else { throw Unexpected("\(reported)") }
        #expect(same.refreshToken.exposed == issued.refreshToken.exposed && same.deviceOffer == nil)
    }

    @Test("What a route may ask: the cookie of this session, or whether it is bound")
    func standing() async throws {
        let place = try await Place()
        let service = place.world.service
        #expect(try await service.standing(of: nil, in: place.handle) == .unbound)
        let bound = try #require(try await place.register())
        #expect(try await service.standing(of: bound.cookie, in: place.handle) == .proved)
        #expect(try await service.standing(of: bound.challenge, in: place.handle) == .unproved)
        #expect(try await service.standing(of: nil, in: place.handle) == .unproved)
        #expect(try await service.standing(of: bound.cookie, in: "another") == .unproved)
        place.world.clock.advance(by: .seconds(601))
        #expect(try await service.standing(of: bound.cookie, in: place.handle) == .unproved)
    }
}
