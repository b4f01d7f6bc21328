import { expect, test } from "vitest";
import { enrolmentToken } from "./token";

test("a token is what `lineshaft edge enrol` reads", () => {
  const token = enrolmentToken({
    url: "https://plant.example:8422",
    authority: "a".repeat(64),
    name: "east",
    secret: "s3",
  });
  // Made by lineshaft.edge.enrolment.token.encode of the same.
  expect(token).toBe(
    "lse1.eyJ1IjoiaHR0cHM6Ly9wbGFudC5leGFtcGxlOjg0MjIiLCJhIjoiYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYSIsIm4iOiJlYXN0IiwicyI6InMzIn0",
  );
});
