import static org.springframework.security.oauth2.core.AuthorizationGrantType.CLIENT_CREDENTIALS;
import static org.springframework.security.oauth2.core.AuthorizationGrantType.TOKEN_EXCHANGE;
import static org.springframework.security.oauth2.core.ClientAuthenticationMethod.CLIENT_SECRET_POST;
import static org.springframework.security.oauth2.core.ClientAuthenticationMethod.PRIVATE_KEY_JWT;

import com.nimbusds.jose.util.JSONObjectUtils;
import java.text.ParseException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.springframework.security.oauth2.client.ClientAuthorizationException;
import org.springframework.security.oauth2.client.endpoint.NimbusJwtClientAuthenticationParametersConverter;
import org.springframework.security.oauth2.client.endpoint.OAuth2ClientCredentialsGrantRequest;
import org.springframework.security.oauth2.client.endpoint.RestClientClientCredentialsTokenResponseClient;
import org.springframework.security.oauth2.client.endpoint.RestClientTokenExchangeTokenResponseClient;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrations;
import org.springframework.security.oauth2.core.OAuth2AccessToken;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.util.CollectionUtils;
import org.springframework.web.client.RestClientResponseException;

/**
 * Gets tokens with Spring Security's OAuth 2.0 client, and accepts them with its resource server. Reads its settings as JSON from standard
 * input and prints one JSON line for each step.
 */
final class OAuthClients {

  private final Settings settings;
  private final String issuer;

  private OAuthClients(Settings settings) throws ParseException {
    this.settings = settings;
    this.issuer = settings.issuer();
  }

  public static void main(String[] arguments) throws Exception {
    var clients = new OAuthClients(Settings.read(System.in));
    clients.withASecret();
    clients.withAKey();
    clients.exchange();
    clients.resourceServer();
  }

  private void withASecret() throws Exception {
    step("basic", () -> shown(serviceToken(registration("billing"))));
    step("post", () -> shown(serviceToken(registration("billing").clientAuthenticationMethod(CLIENT_SECRET_POST))));
    step("narrowed", () -> {
      var client = new RestClientClientCredentialsTokenResponseClient();
      client.addParametersConverter(request -> CollectionUtils.toMultiValueMap(
          Map.of("resource", List.of("https://ledger.example/api"))));
      var billing = registration("billing").authorizationGrantType(CLIENT_CREDENTIALS).scope("invoices:read").build();
      return shown(TokenRequests.clientCredentials(billing, client));
    });
    step("too much", () -> shown(serviceToken(registration("billing").scope("orders:write"))));
    step("wrong secret", () -> shown(serviceToken(registration("billing").clientSecret("wrong"))));
  }

  private void withAKey() throws Exception {
    step("key", () -> {
      var assertion = assertion();
      assertion.setJwtClientAssertionCustomizer(context -> context.getClaims().audience(List.of(issuer)));
      return shown(keyedToken(assertion));
    });
    step("key, audience left out", () -> shown(keyedToken(assertion())));
  }

  private NimbusJwtClientAuthenticationParametersConverter<OAuth2ClientCredentialsGrantRequest> assertion()
      throws ParseException {
    var key = settings.client("keyed").privateKey();
    return new NimbusJwtClientAuthenticationParametersConverter<>(registration -> key);
  }

  private OAuth2AccessToken keyedToken(
      NimbusJwtClientAuthenticationParametersConverter<OAuth2ClientCredentialsGrantRequest> assertion)
      throws ParseException {
    var client = new RestClientClientCredentialsTokenResponseClient();
    client.addParametersConverter(assertion);
    var keyed = registration("keyed")
        .clientAuthenticationMethod(PRIVATE_KEY_JWT)
        .authorizationGrantType(CLIENT_CREDENTIALS)
        .build();
    return TokenRequests.clientCredentials(keyed, client);
  }

  private void exchange() throws Exception {
    step("exchange", () -> {
      var client = new RestClientTokenExchangeTokenResponseClient();
      client.addParametersConverter(request -> CollectionUtils.toMultiValueMap(
          Map.of("audience", List.of("stock-api"))));
      var api = registration("api").authorizationGrantType(TOKEN_EXCHANGE).build();
      // The resource server has verified the token before the application exchanges it.
      Jwt userToken = decoder("shop-api").decode(settings.userToken());
      return shown(TokenRequests.exchange(api, client, userToken));
    });
  }

  private void resourceServer() throws Exception {
    String token = serviceToken(registration("billing")).getTokenValue();
    step("decode", () -> shown(decoder("billing-api").decode(token)));
    step("decode, another audience", () -> shown(decoder("stock-api").decode(token)));
    step("decode, defaults", () -> shown(NimbusJwtDecoder.withIssuerLocation(issuer).build().decode(token)));
  }

  /** Finds the keys and their algorithms by the metadata of the issuer. */
  private JwtDecoder decoder(String audience) {
    NimbusJwtDecoder decoder = NimbusJwtDecoder.withIssuerLocation(issuer).build();
    decoder.setJwtValidator(JwtValidators.createAtJwtValidator().issuer(issuer).audience(audience).build());
    return decoder;
  }

  /** Finds the endpoint by the metadata of the issuer. Of the methods there it takes client_secret_basic. */
  private ClientRegistration.Builder registration(String name) throws ParseException {
    Settings.Client client = settings.client(name);
    return ClientRegistrations.fromIssuerLocation(issuer)
        .registrationId(name)
        .clientId(client.id())
        .clientSecret(client.secret());
  }

  private static OAuth2AccessToken serviceToken(ClientRegistration.Builder registration) {
    return TokenRequests.clientCredentials(
        registration.authorizationGrantType(CLIENT_CREDENTIALS).build(),
        new RestClientClientCredentialsTokenResponseClient());
  }

  private static Map<String, Object> shown(OAuth2AccessToken token) {
    return Map.of("access_token", token.getTokenValue(), "scope", String.join(" ", token.getScopes()));
  }

  private static Map<String, Object> shown(Jwt token) {
    return Map.of("decoded", Map.of("sub", token.getSubject(), "aud", token.getAudience()));
  }

  /** Prints what the work returns, or the error code of the endpoint, or the decoder's reason. Another error ends the program. */
  private static void step(String name, Callable<Map<String, Object>> work) throws Exception {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("step", name);
    try {
      line.putAll(work.call());
    } catch (ClientAuthorizationException refused) {
      line.put("error", errorCode(refused));
    } catch (JwtException refused) {
      line.put("error", refused.getMessage());
    }
    System.out.println(JSONObjectUtils.toJSONString(line));
  }

  /** Spring reads the body of a 400 only. After a 401 its own code is invalid_token_response, and the endpoint's is in the response. */
  private static String errorCode(ClientAuthorizationException refused) throws ParseException {
    for (Throwable cause = refused; cause != null; cause = cause.getCause()) {
      if (cause instanceof RestClientResponseException answered) {
        return JSONObjectUtils.getString(JSONObjectUtils.parse(answered.getResponseBodyAsString()), "error");
      }
    }
    return refused.getError().getErrorCode();
  }
}
