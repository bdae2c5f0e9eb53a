import Foundations
import SessionEngine
import SessionService

extension SessionPolicy {
    /// What lets an attacker with a copied refresh token stay in step with its owner for longer than intended
    /// (docs/decisions/0019).
    var warnings: [String] {
        guard successorPolicy == .deterministic else { return [] }
        var warnings: [String] = []
        let (life, second) = (accessTokenValidity.count, Int64(1_000))
        if sharingWindow.count > life / 15 {
            warnings.append(
                "'refresh_token_sharing_window' is longer than a fifteenth of 'access_token_validity' (\(life / 15 / second) s): "
                    + "a copied refresh token can follow its owner for many periods.")
        }
        if rotationGracePeriod.count > life / 10 {
            warnings.append(
                "'refresh_token_rotation_grace_period' is longer than a tenth of 'access_token_validity' "
                    + "(\(life / 10 / second) s): at CDI 5.6 a copied refresh token can follow its owner for many periods."
            )
        }
        if sharedJitter < 0.3 {
            warnings.append(
                "'refresh_token_shared_jitter' is below 0.3: a copied refresh token can follow its owner for many periods."
            )
        }
        return warnings
    }
}
